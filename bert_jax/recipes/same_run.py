"""Whether a run may go on in a folder: only as the run that it holds."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from bert_jax.errors import UserError
from bert_jax.recipes.bindings import settable_fields
from bert_jax.recipes.data_facts import describe_change
from bert_jax.recipes.experiment import Experiment, load_experiment
from bert_jax.recipes.provenance import read_provenance
from bert_jax.recipes.run_folder import OPERATIVE, newest_checkpoint

# What a run may change when it goes on; docs/resuming.md says why for each. Anything else is part
# of what the run is, but for the part of a `LengthSchedule` that lies ahead.
MAY_CHANGE = frozenset(
    {
        *(f"TrainConfig.{name}" for name in ("num_steps", "micro_batches", "log_every")),
        *(f"TrainConfig.{name}" for name in ("eval_every", "eval_examples")),
        *(f"TrainConfig.{name}" for name in ("checkpoint_every", "checkpoint_minutes")),
        *(f"TrainConfig.{name}" for name in ("keep_checkpoints", "keep_every")),
        "TrainConfig.checkpoint_step_zero",
        *(f"MeshConfig.{name}" for name in ("data", "fsdp", "tensor")),
        *(f"ComputeConfig.{name}" for name in ("scan_layers", "remat", "vocab_chunk")),
        # A store may have moved; that its data are the same is checked by their fingerprint, which
        # is also that of a mixture's shares.
        *(f"DataConfig.{name}" for name in ("store", "stores", "weights", "smoothing")),
        *(f"DataConfig.{name}" for name in ("corpus", "corpus_vocab_size")),
    }
)

# Classes that the runs of an earlier version knew nothing of: their values are the defaults.
_LATER = frozenset({"LengthSchedule"})


def check_same_run(run_dir: Path, experiment: Experiment, data: Mapping[str, Any]) -> None:
    """Raise where a folder holds a run of another config or data, with the differences.

    Args:
      run_dir: the folder.
      experiment: what is to be run in it.
      data: what `provenance.json` would say of its data (`Stores.facts`).

    Raises:
      UserError: as above.
    """
    if not (run_dir / OPERATIVE).exists():
        return
    before = load_experiment(str(run_dir / OPERATIVE), kind=experiment.kind, data_required=False)
    given = {name.split(".")[0] for name, at in before.origins.items() if at.kind != "default"}
    if given | _LATER != before.configs().keys():
        raise UserError(
            f"{run_dir / OPERATIVE} is damaged: it should hold every value of the run. Bring the "
            "file back from a copy, or give another --run_dir"
        )
    newest = newest_checkpoint(run_dir)
    done = newest or 0
    # Of a schedule, what lies ahead is nobody's past.
    same_lengths = before.length_schedule.until(done) == experiment.length_schedule.until(done)
    differences = [
        f"{name} was {old!r} and is {new!r}"
        for name, old, new in _differences(before, experiment)
        if name not in MAY_CHANGE and not (same_lengths and name.startswith("LengthSchedule."))
    ]
    recorded = read_provenance(run_dir)["data"]
    if recorded["fingerprint"] != data["fingerprint"]:
        differences.append(describe_change(recorded, data))
    if differences:
        raise UserError(
            f"{run_dir} holds another run: {'; '.join(differences)}. Give another --run_dir, or "
            f"the run's own config ({run_dir / OPERATIVE})"
        )
    if newest is not None and experiment.train.num_steps < newest:
        raise UserError(
            f"TrainConfig.num_steps is {experiment.train.num_steps} and {run_dir} has a checkpoint "
            f"of step {newest}: a run can be made longer, not shorter. Give --steps {newest} or "
            "more, or another --run_dir"
        )


def _differences(before: Experiment, after: Experiment) -> Iterable[tuple[str, Any, Any]]:
    old, new = before.configs(), after.configs()
    for class_name, config in new.items():
        # What cannot be set follows from the data, whose fingerprint is compared, or from a field
        # that can.
        for field in settable_fields(class_name):
            values = getattr(old[class_name], field.name), getattr(config, field.name)
            if values[0] != values[1]:
                yield (f"{class_name}.{field.name}", *values)

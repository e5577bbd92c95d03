"""What a run, or one checkpoint of it, is: for `bert-jax inspect`."""

from pathlib import Path
from typing import Any

from bert_jax.checkpoint import open_read_only
from bert_jax.config_file import read_config_file
from bert_jax.convert.known_facts import KEPT, kept_facts
from bert_jax.convert.open_model import open_model
from bert_jax.errors import UserError
from bert_jax.formatting import format_amount
from bert_jax.loss_sentences import about_losses
from bert_jax.loss_watch import watch_of
from bert_jax.metrics import METRICS_FILE, is_evaluation, read_metrics
from bert_jax.pair_tasks import pair_task_of
from bert_jax.parameters import parameters_sha256
from bert_jax.recipes import run_folder
from bert_jax.recipes.data_facts import data_lines
from bert_jax.recipes.experiment import load_experiment
from bert_jax.recipes.inspect_model import (
    count_facts,
    head_facts,
    run_tensors,
    sentence_facts,
    tokenizer_facts,
)
from bert_jax.recipes.provenance import LEVELS, read_provenance
from bert_jax.recipes.show_model import (
    head_lines,
    known_lines,
    parameter_lines,
    sentence_lines,
    shape_lines,
    show_lines,
    tokenizer_lines,
)
from bert_jax.recipes.show_tensors import show_tensors
from bert_jax.store_results import store_lines
from bert_jax.verdicts import percent


def run_facts(path: Path, *, weights: bool = False) -> dict[str, Any]:
    """Facts of a run's folder, or of a folder `RUN/checkpoints[/STEP]`.

    Args:
      path: the folder.
      weights: whether every tensor is measured.

    Returns:
      `kind run step steps head sentences config tokenizer parameters parameters_by_part
      parameters_without_embeddings checkpoint_bytes parameters_sha256`, with `weights` also
      `tensors`, and where the run has them `known objective length_schedule last_metrics evaluation
      provenance init_from about_losses`.

    Raises:
      UserError: a file of the run is missing or damaged, or there is no checkpoint.
    """
    run_dir, step = _run_and_step(path)
    config, head = read_config_file(run_dir / run_folder.CONFIG)
    with open_read_only(run_dir / run_folder.CHECKPOINTS) as checkpoints:
        steps = checkpoints.steps
    model = open_model(run_dir, step=step)
    params, tokenizer = model.weights.read(), model.tokenizer
    checkpoint = run_dir / run_folder.CHECKPOINTS / str(model.step)
    facts: dict[str, Any] = {
        "kind": "run",
        "run": str(run_dir),
        "step": model.step,
        "steps": steps,
        "head": head_facts(head),
        "sentences": model.sentences and sentence_facts(head, model.sentences),
        "tokenizer": None if tokenizer is None else tokenizer_facts(tokenizer),
        **count_facts(config, head),
        "checkpoint_bytes": sum(
            file.stat().st_size for file in checkpoint.rglob("*") if file.is_file()
        ),
        "parameters_sha256": parameters_sha256(params),
        "config": vars(config),
    }
    if (run_dir / KEPT).exists():
        known = kept_facts(run_dir)._asdict()
        facts["known"] = {name: value for name, value in known.items() if value}
    if weights:
        facts["tensors"] = run_tensors(params, config)
    if (run_dir / run_folder.OPERATIVE).exists():
        experiment = load_experiment(str(run_dir / run_folder.OPERATIVE), data_required=False)
        facts["objective"] = vars(experiment.objective)
        if experiment.length_schedule.after_step:
            facts["length_schedule"] = [
                {
                    "after_step": stage.start,
                    "batch_size": stage.train.batch_size,
                    "max_length": stage.objective.max_length,
                    "max_predictions": stage.objective.max_predictions,
                }
                for stage in experiment.stages
            ]
    training = []
    if (run_dir / METRICS_FILE).exists():
        training = [x for x in read_metrics(run_dir / METRICS_FILE) if not is_evaluation(x)]
        facts["last_metrics"] = training[-1] if training else None
    if (run_dir / run_folder.EVALUATION).exists():
        facts["evaluation"] = run_folder.read_evaluation(run_dir)
    if (run_dir / run_folder.PROVENANCE).exists():
        provenance = facts["provenance"] = read_provenance(run_dir)
        facts["init_from"] = provenance.get("init_from")
        watch = watch_of(training, provenance.get(LEVELS))
        facts["about_losses"] = about_losses(watch) if watch and training else []
    return facts


def show_run(facts: dict[str, Any], columns: int = 80) -> str:
    """The facts as text of at most `columns` columns for a person, names of files aside."""
    config = facts["config"]
    lines = [
        ("run", facts["run"]),
        ("step", f"{facts['step']:,} (checkpoints: {', '.join(map(str, facts['steps']))})"),
        *shape_lines(config, "model"),
        *head_lines(facts["head"], config["pair_task"]),
        *sentence_lines(facts["sentences"]),
        *tokenizer_lines(facts["tokenizer"]),
        *known_lines(facts.get("known", {})),
        *(
            [("objective", _show_objective(facts["objective"], facts.get("length_schedule", [])))]
            if "objective" in facts
            else []
        ),
        *([("init_from", _show_source(facts["init_from"]))] if facts.get("init_from") else []),
        *parameter_lines(facts),
        ("parameters_sha256", facts["parameters_sha256"]),
        ("checkpoint", format_amount(facts["checkpoint_bytes"], "B")),
    ]
    if "length_schedule" in facts:
        stages = [
            f"{stage['batch_size']} x {stage['max_length']}"
            + (f" after step {stage['after_step']:,}" if stage["after_step"] else "")
            for stage in facts["length_schedule"]
        ]
        lines.append(("batches", ", ".join(stages)))
    if facts.get("last_metrics"):
        last = facts["last_metrics"]
        lines.append(("last training line", f"step {last['step']}, loss {last['loss']:.4f}"))
    sentences = facts.get("about_losses", [])
    lines += [("" if i else "losses", sentence) for i, sentence in enumerate(sentences)]
    if "evaluation" in facts:
        evaluation, pair_task = facts["evaluation"], pair_task_of(facts["evaluation"])
        mlm = evaluation["mlm"]
        results = (
            f"MLM loss {mlm['loss']:.4f} (held-out unigram entropy {mlm['unigram_entropy']:.4f})"
        )
        if pair_task is not None:
            pairs = evaluation[pair_task.key]
            results += (
                f", {pair_task.title} accuracy {pairs['accuracy']:.4f} "
                f"(majority {pairs['majority_share']:.4f})"
            )
        if "length_schedule" in facts and "max_length" in evaluation:
            results += f", in rows of {evaluation['max_length']}"
        lines.append((f"held out, step {evaluation['step']}", results))
        of_stores = [line.strip() for line in store_lines(evaluation)]
        lines += zip(["by store", *[""] * len(of_stores)], of_stores, strict=False)
    if "provenance" in facts:
        provenance = facts["provenance"]
        versions = ", ".join(f"{k} {v}" for k, v in provenance.get("versions", {}).items() if v)
        lines += [
            *(("data", line) for line in data_lines(provenance["data"])),
            ("devices", provenance.get("devices")),
            ("versions", versions),
        ]
    text = show_lines(lines, columns)
    return text + (show_tensors(facts["tensors"], columns) if "tensors" in facts else "")


def _then(objective: dict[str, Any], schedule: list[dict[str, Any]], name: str, what: str) -> str:
    """A number of the objective, and what a schedule makes of it later: `20, then 77 tokens`."""
    *before, last = [stage[name] for stage in schedule or [objective]]
    return ", then ".join([*map(str, before), format_amount(last, what)])


def _show_objective(objective: dict[str, Any], schedule: list[dict[str, Any]]) -> str:
    """`schedule` is empty where all steps have rows of one length."""
    keep = 1 - objective["mask_share"] - objective["random_share"]
    shares = (objective["mask_share"], objective["random_share"], keep)
    parts = [
        f"pairs {objective['pairs']}",
        f"masking {objective['masking']} {percent(objective['masked_lm_prob'])} "
        f"({'/'.join(f'{100 * share:.0f}' for share in shares)}), at most "
        f"{_then(objective, schedule, 'max_predictions', 'prediction')} a row",
        f"rows of {_then(objective, schedule, 'max_length', 'token')}",
    ]
    if objective["max_sequences"] > 1:
        parts.append(f"at most {objective['max_sequences']} sequences packed in a row")
    if objective["static_epochs"]:
        parts.append(f"static over {format_amount(objective['static_epochs'], 'epoch')}")
    return ", ".join(parts)


def _show_source(source: dict[str, Any]) -> str:
    parts = [str(source.get("model", source.get("run")))]
    if "step" in source:
        parts.append(f"step {source['step']}")
    if source.get("new_weights"):
        parts.append(f"but for {' and '.join(source['new_weights'])}, which began at random")
    if "new_words" in source:
        parts.append(f"with {source['new_words']:,} new words")
    return ", ".join(parts)


def _run_and_step(path: Path) -> tuple[Path, int | None]:
    """A run's folder, as it was given where that says enough, and the step of a checkpoint."""
    whole = path.absolute()
    if whole.name == run_folder.CHECKPOINTS:
        return (path if path.name else whole).parent, None
    if whole.parent.name == run_folder.CHECKPOINTS:
        if not whole.name.isdecimal():
            raise UserError(f"{path} is no checkpoint: its name must be the number of a step")
        return (path if path.parent.name else whole).parent.parent, int(whole.name)
    return path, None

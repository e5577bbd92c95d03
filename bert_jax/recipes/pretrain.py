"""The pretraining recipe: from what is asked for to a finished run."""

import math
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from numbers import Real
from pathlib import Path
from typing import Any

import jax

from bert_jax.errors import UserError
from bert_jax.formatting import format_amount
from bert_jax.loop import Stopped, stop_on_signals
from bert_jax.recipes import run_folder
from bert_jax.recipes.experiment import Experiment, load_experiment, with_model
from bert_jax.recipes.init_from import shape_to_take, taken_fields
from bert_jax.recipes.overrides import Override, with_data
from bert_jax.recipes.pretraining_run import PretrainingResult, PretrainingRun
from bert_jax.recipes.stores import check_paths
from bert_jax.terminal import Terminal


def pretrain(
    experiment: str | Experiment,
    run_dir: str | Path | None = None,
    *,
    bindings: Sequence[Any] = (),
    data: str | Path | Sequence[str | Path] | None = None,
    weights: Sequence[float] | None = None,
    steps: int | None = None,
    init_from: str | Path | None = None,
    init_new: str | Sequence[str] = (),
    platform: str | None = None,
    terminal: Terminal | None = None,
) -> PretrainingResult:
    """Pretrain a BERT, or go on with a run that was stopped.

    Args:
      experiment: the name of a shipped experiment, a `.gin` file, or a built `Experiment`.
      run_dir: where everything is written; `runs/NAME` where not given. A folder that holds this
        run already is gone on with from its newest checkpoint, and finished work is not repeated.
      bindings: `"Class.field=value"`, over those of the experiment.
      data: a token store, or several; short for `DataConfig.store` or `DataConfig.stores`.
      weights: in which proportion the rows come from several stores, a number above 0 for each in
        their order; short for `DataConfig.weights`. None leaves it to the experiment, or to the
        stores' sizes.
      steps: short for `TrainConfig.num_steps`.
      init_from: a model whose weights are the first ones of a new run: a run, a folder in Hugging
        Face's layout, `hf:OWNER/NAME`, or a checkpoint of Google's. What the experiment leaves at
        its default of the model's shape is taken over from it.
      init_new: patterns of names, such as `"cls.*"`, of weights that the model of `init_from` does
        not have and that start at random; no others do.
      platform: `cpu`, `gpu` or `tpu`; an error where there is none.
      terminal: shows progress; None shows nothing.

    Raises:
      UserError: something given is wrong, the folder holds another run, or another process is
        training it.
      TrainingFailed: the loss was not finite.
    """
    if isinstance(experiment, Experiment):
        if bindings or any(given is not None for given in (data, weights, steps)):
            raise UserError(
                "bindings, data, weights and steps are for an experiment that is given by its name "
                "or file; this one is built: give them to load_experiment"
            )
    else:
        given = list(bindings)
        stores = [data] if isinstance(data, str | Path) else data
        if stores is not None:
            given = with_data(given, stores, "data")
        if weights is not None:
            given.append(
                Override("weights", "DataConfig.weights", _checked_weights(weights, stores))
            )
        given += [] if steps is None else [f"TrainConfig.num_steps={steps}"]
        experiment = load_experiment(str(experiment), given)
    init_new = (init_new,) if isinstance(init_new, str) else tuple(init_new)
    if init_new and init_from is None:
        raise UserError("--init_new is for what --init_from does not give; give --init_from MODEL")
    run_dir = Path("runs") / experiment.name if run_dir is None else Path(run_dir)
    terminal = terminal or Terminal.silent()
    run_folder.check_folder(run_dir)
    # Before devices are looked for, which says on which of them the run will be.
    check_paths(experiment.data)
    shape = shape_to_take(init_from, run_dir)
    if shape is not None:
        experiment = with_model(experiment, taken_fields(shape), f"--init_from {init_from}")
    with stop_on_signals() as stop, ExitStack() as held:
        try:
            return PretrainingRun(
                experiment, run_dir, init_from, init_new, platform, terminal, stop, held
            ).run()
        except Stopped as stopped:
            if jax.process_index() == 0:
                terminal.print(
                    f"stopped by {stopped.name} before training began; the same command goes on"
                )
            step = run_folder.newest_checkpoint(run_dir) or 0
            return PretrainingResult(run_dir, step, stopped.name, None)


def _checked_weights(
    weights: Iterable[float], stores: Sequence[str | Path] | None
) -> tuple[float, ...]:
    """Weights as `DataConfig` takes them; refused in the words of the call, not in its fields'."""
    given = tuple(weights) if isinstance(weights, Iterable) else ()
    if not given or not all(map(_is_weight, given)):
        raise UserError(
            f"weights={weights!r}: they must be finite numbers above 0, one for each store, such "
            "as (7, 3)"
        )
    if stores is not None and len(stores) == 1:
        raise UserError(
            f"weights={weights!r} is for several stores, and data names one; name more of them in "
            "data, or leave weights out"
        )
    if stores is not None and len(stores) != len(given):
        raise UserError(
            f"weights={weights!r} has {format_amount(len(given), 'number')}, and data names "
            f"{format_amount(len(stores), 'store')}; give one weight for each"
        )
    return tuple(map(float, given))


def _is_weight(weight: object) -> bool:
    if isinstance(weight, bool) or not isinstance(weight, Real):
        return False
    try:
        return 0 < float(weight) < math.inf
    except OverflowError:
        return False

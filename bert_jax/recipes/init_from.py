"""First weights that come from another run: the paper's second phase starts from its first."""

import dataclasses
from pathlib import Path
from typing import Any

from bert_jax.checkpoint import open_read_only
from bert_jax.config import BertConfig
from bert_jax.errors import UserError
from bert_jax.inference.load import open_model
from bert_jax.recipes.run_folder import CHECKPOINTS, PROVENANCE, read_provenance
from data_pipeline.text_tokenizer import TextTokenizer


def check_source(
    given: str | Path | None, run_dir: Path, model: BertConfig, tokenizer: TextTokenizer
) -> tuple[Path, int] | None:
    """Which weights a run without a checkpoint starts from.

    Args:
      given: the folder of another run, or None for new weights.
      run_dir: of the run itself, which may have been started before.
      model: the shape that the weights must have.
      tokenizer: the one that the word table must belong to.

    Returns:
      The other run's folder and the step of its newest checkpoint, or None.

    Raises:
      UserError: there is no such run, it has no checkpoint, its model or tokeniser is another, or
        the run was started from other weights before.
    """
    source = None if given is None else Path(given).expanduser().absolute()
    _check_same_as_before(source, run_dir)
    if source is None:
        return None
    try:
        theirs, their_tokenizer = open_model(source)
    except UserError as error:
        raise UserError(f"--init_from {error}") from error
    differing = [
        f"{field.name} is {getattr(theirs, field.name)!r} there and "
        f"{getattr(model, field.name)!r} here"
        for field in dataclasses.fields(theirs)
        if getattr(theirs, field.name) != getattr(model, field.name)
    ]
    if differing:
        raise UserError(f"--init_from {source} is another model: {'; '.join(differing)}")
    if their_tokenizer.fingerprint != tokenizer.fingerprint:
        raise UserError(
            f"--init_from {source} has another tokeniser than the data, so that its word table "
            f"means other words; prepare the text with --tokenizer {source / 'tokenizer'}"
        )
    with open_read_only(source / CHECKPOINTS) as checkpoints:
        step = checkpoints.latest
    if step is None:
        raise UserError(f"--init_from {source} has no checkpoint yet")
    return source, step


def _check_same_as_before(source: Path | None, run_dir: Path) -> None:
    path = run_dir / PROVENANCE
    if not path.exists():
        return
    before = (read_provenance(run_dir).get("init_from") or {}).get("run")
    if before != (None if source is None else str(source)):
        was = f"--init_from {before}" if before else "new weights"
        now = f"--init_from {source}" if source else "new weights"
        raise UserError(
            f"{run_dir} was begun with {was}, has no checkpoint of its own yet, and is now asked "
            f"to begin with {now}; give the same again, or another --run_dir"
        )


def read_weights(source: Path, step: int, target: Any) -> Any:
    """The weights of that step, into a pytree of `jax.ShapeDtypeStruct` with shardings."""
    with open_read_only(source / CHECKPOINTS) as checkpoints:
        return checkpoints.restore_params(target, step)

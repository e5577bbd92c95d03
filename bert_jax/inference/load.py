"""From what a user calls a MODEL to something that answers."""

from pathlib import Path

from bert_jax.convert.open_model import open_model
from bert_jax.errors import UserError
from bert_jax.head_config import TASKS
from bert_jax.inference.fill_mask import FillMask


def load(model: str | Path, *, step: int | None = None) -> FillMask:
    """Open a model to use it.

    Args:
      model: a run or one of its checkpoints, a folder in Hugging Face's layout, or a name of the
        Hub (`bert_jax.convert.open_model`).
      step: which checkpoint of a run; the newest where not given.

    Returns:
      The model with its tokeniser; it fills masks.

    Raises:
      UserError: there is no such model, or it has no masked LM head or no tokeniser.
    """
    opened = open_model(model, step=step)
    if opened.head.task != "pretraining":
        raise UserError(f"{model} has no masked LM head: it is {TASKS[opened.head.task]}")
    if opened.tokenizer is None:
        raise UserError(f"{model} has no tokeniser")
    return FillMask(opened.config, opened.weights.read(), opened.tokenizer)

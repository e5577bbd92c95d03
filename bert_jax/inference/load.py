"""From what a user calls a MODEL to something that answers."""

from pathlib import Path

from bert_jax.config import ComputeConfig
from bert_jax.convert.open_model import open_model
from bert_jax.errors import UserError
from bert_jax.inference.given import check_whole_number, shown
from bert_jax.inference.model import LoadedModel
from data_pipeline.errors import DataError


def load(
    model: str | Path,
    *,
    step: int | None = None,
    task: str | None = None,
    cased: bool | None = None,
    compute: ComputeConfig | None = None,
    encoder_will_do: bool = False,
) -> LoadedModel:
    """Open a model to use it.

    `bert_jax.load("runs/base").embed(["A cat sat.", "A dog ran."])` is [2, E].

    Args:
      model: a run or one of its checkpoints, a folder in Hugging Face's layout, a checkpoint of
        google-research/bert, or a name of the Hub (`bert_jax.convert.open_model`).
      step: which checkpoint of a run; the newest where not given.
      task: of the head (`bert_jax.head_config.TASKS`); what the weights are of where not given.
      cased: of a tokeniser that does not say it itself, a lone `vocab.txt`.
      compute: how to compute; float32 as the platform multiplies it where not given.
      encoder_will_do: whether a head that cannot be computed here is left, for vectors alone, and
        is no error.

    Returns:
      The model with its tokeniser.

    Raises:
      UserError: there is no such model, it is not what it says it is, or it has no tokeniser, or
        one whose files contradict each other or `cased`.
    """
    if not isinstance(model, str | Path) or not str(model):
        raise UserError(
            f"model is {shown(model)}; a path (str or pathlib.Path) is needed, or hf:OWNER/NAME"
        )
    if step is not None:
        step = check_whole_number(step, "step", 0)
    try:
        opened = open_model(
            model, task=task, step=step, cased=cased, encoder_will_do=encoder_will_do
        )
    except DataError as error:
        raise UserError(str(error)) from error
    if opened.tokenizer is None:
        raise UserError(f"{model} has no tokeniser; put its vocab.txt or tokenizer.json beside it")
    return LoadedModel(
        opened.config,
        opened.head,
        opened.weights.read(),
        opened.tokenizer,
        compute,
        opened.sentences,
    )

"""From the path of a MODEL to the model."""

from pathlib import Path
from typing import Any

import jax

from bert_jax import pretraining
from bert_jax.checkpoint import open_read_only
from bert_jax.config import BertConfig
from bert_jax.errors import UserError
from bert_jax.inference.fill_mask import FillMask
from bert_jax.sharding import unbox
from data_pipeline.tokenization.text_tokenizer import TextTokenizer
from data_pipeline.tokenization.tokenizer import load_tokenizer


def load(model: str | Path, *, step: int | None = None) -> FillMask:
    """Open a model to use it.

    Args:
      model: a run's folder, with `config.json`, `tokenizer/` and `checkpoints/`.
      step: which checkpoint; the newest where not given.

    Returns:
      The model with its tokeniser; it fills masks.

    Raises:
      UserError: there is no such folder, checkpoint, config or tokeniser.
    """
    folder = Path(model)
    config, tokenizer = open_model(folder)
    return FillMask(config, load_params(folder, config, step), tokenizer)


def open_model(folder: Path) -> tuple[BertConfig, TextTokenizer]:
    """What a model's folder says of it, without its weights.

    Raises:
      UserError: a part is missing, or config and tokeniser disagree.
    """
    if not folder.is_dir():
        raise UserError(f"{folder} is no model: there is no such folder. Give the folder of a run")
    for name in ("config.json", "tokenizer", "checkpoints"):
        if not (folder / name).exists():
            raise UserError(
                f"{folder} is no model: it has no {name}. Give the folder of a run, one with "
                "config.json, tokenizer/ and checkpoints/"
            )
    config = BertConfig.from_json_file(folder / "config.json")
    tokenizer = load_tokenizer(folder / "tokenizer")
    if tokenizer.vocab_size != config.vocab_size:
        raise UserError(
            f"{folder}: the tokeniser has {tokenizer.vocab_size} tokens and the model "
            f"{config.vocab_size} (vocab_size of config.json); they do not belong together"
        )
    return config, tokenizer


def load_params(folder: Path, config: BertConfig, step: int | None = None) -> Any:
    """The weights of a run, on one device."""
    boxed = jax.eval_shape(pretraining.make_init(config), jax.random.key(0))
    here = jax.sharding.SingleDeviceSharding(jax.local_devices()[0])
    target = jax.tree.map(
        lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=here), unbox(boxed)
    )
    with open_read_only(folder / "checkpoints") as checkpoints:
        return checkpoints.restore_params(target, step)

"""bert-jax: pretraining BERT-style encoders in JAX.

Importing this package imports nothing else; what it offers is loaded when it is first used.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bert_jax.inference.load import load
    from bert_jax.recipes.pretrain import pretrain

# Public name -> the module that defines it.
_PUBLIC = {
    "load": "bert_jax.inference.load",
    "pretrain": "bert_jax.recipes.pretrain",
}

__all__ = ["load", "pretrain"]


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module 'bert_jax' has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(_PUBLIC[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_PUBLIC])

"""From raw text to masked batches: documents, sentences, tokens, sentence pairs, masks.

Needs numpy and never JAX. The names below are loaded when they are first used, so that importing
the package costs nothing.
"""

from __future__ import annotations

import importlib
from typing import Any

_MODULE_OF = {
    "CleaningRules": "cleaning",
    "DataError": "errors",
    "Progress": "progress",
    "Task": "progress",
    "silent": "progress",
    "open_sources": "documents.inputs",
    "split_sentences": "sentences",
    "Tokenizer": "tokenizer",
    "load_tokenizer": "tokenizer",
    "TextTokenizer": "text_tokenizer",
    "SentencePieceTokenizer": "sentencepiece_tokenizer",
    "train_wordpiece": "vocabulary",
    "train_sentencepiece": "sentencepiece_vocabulary",
    "sentencepiece_from": "sentencepiece_vocabulary",
    "Split": "token_store",
    "TokenStore": "token_store",
    "documentation_store": "documentation",
    "prepare": "preparation",
    "vocabulary_from": "preparation",
    "PretrainingObjective": "objective",
    "make_plan": "sentence_pairs",
    "cached_plan": "plan_cache",
    "SpecialIds": "special_ids",
    "PretrainingBatches": "batches",
    "MixtureBatches": "mixture",
    "shares_of": "mixture",
    "smoothed_weights": "mixture",
    "evaluation_batches": "evaluation",
    "Prefetch": "prefetch",
}

__all__ = sorted(_MODULE_OF)


def __getattr__(name: str) -> Any:
    module = _MODULE_OF.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{module}"), name)


def __dir__() -> list[str]:
    return __all__

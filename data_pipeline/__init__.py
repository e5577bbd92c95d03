"""From raw text to masked batches: documents, sentences, tokens, sentence pairs, masks.

Needs numpy and never JAX. The names below are loaded when they are first used, so that importing
the package costs nothing.
"""

from __future__ import annotations

import importlib
from typing import Any

_MODULE_OF = {
    "CleaningRules": "cleaning.rules",
    "DataError": "errors",
    "Progress": "progress",
    "Task": "progress",
    "silent": "progress",
    "open_sources": "documents.inputs",
    "split_sentences": "text.sentences",
    "Tokenizer": "tokenization.tokenizer",
    "load_tokenizer": "tokenization.tokenizer",
    "TextTokenizer": "tokenization.text_tokenizer",
    "ByteLevelTokenizer": "tokenization.byte_level_tokenizer",
    "SentencePieceTokenizer": "tokenization.sentencepiece_tokenizer",
    "train_wordpiece": "tokenization.vocabulary",
    "train_sentencepiece": "tokenization.sentencepiece_vocabulary",
    "sentencepiece_from": "tokenization.sentencepiece_vocabulary",
    "Split": "store.token_store",
    "TokenStore": "store.token_store",
    "extended_from": "preparation.extended",
    "documentation_store": "preparation.documentation",
    "prepare": "preparation.prepare",
    "vocabulary_from": "preparation.prepare",
    "PretrainingObjective": "objective",
    "make_plan": "plans.sentence_pairs",
    "cached_plan": "plans.cache",
    "SpecialIds": "tokenization.special_ids",
    "PretrainingBatches": "batches",
    "MixtureBatches": "mixture",
    "shares_of": "mixture_shares",
    "smoothed_weights": "mixture_shares",
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

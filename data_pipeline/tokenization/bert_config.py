"""What a `tokenizer_config.json` must say, or not deny, for a vocabulary to be cut as BERT's is."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from data_pipeline.errors import DataError
from data_pipeline.tokenization.files import PREFIX
from data_pipeline.tokenization.text_tokenizer import ROLES, SPECIALS
from data_pipeline.wording import shown

# The classes of transformers that cut and spell words as BERT's does, without `Fast`.
BERT_CLASSES = frozenset(
    f"{name}Tokenizer"
    for name in "Bert DistilBert Electra MobileBert ConvBert SqueezeBert LayoutLM Lxmert RetriBert "
    "DPRQuestionEncoder DPRContextEncoder DPRReader Nezha Ernie".split()
) | {"PreTrainedTokenizer", "TokenizersBackend"}


def check_bert(config: Mapping[str, Any], path: Path) -> None:
    """DataError where a `tokenizer_config.json` is of another tokeniser than BERT's.

    For folders without a `tokenizer.json`, which says by itself what is done to text.
    """
    kind = str(config.get("tokenizer_class") or "BertTokenizer")
    if kind.removesuffix("Fast") not in BERT_CLASSES:
        raise DataError(
            f"{path}: its tokenizer_class, {shown(kind)}, is none that cuts words as BERT's does, "
            "and without a tokenizer.json nothing says what it does"
        )
    for name, needed in (("do_basic_tokenize", True), ("wordpieces_prefix", PREFIX)):
        if config.get(name, needed) != needed:
            raise DataError(f"{path}: {name} must be {needed!r}; got {shown(config[name])}")


def check_roles(config: Mapping[str, Any], path: Path) -> None:
    """DataError where special tokens have other names than BERT's."""
    for role, needed in zip(ROLES, SPECIALS, strict=True):
        token = config.get(role) or needed
        given = token.get("content") if isinstance(token, dict) else token
        if given != needed:
            raise DataError(
                f"{path}: the {role} of a WordPiece tokeniser must be {needed}; got {shown(given)}"
            )

"""A WordPiece tokeniser on disk, as BERT's is: `vocab.txt`, `tokenizer.json`, or both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data_pipeline.errors import DataError
from data_pipeline.tokenization.added_tokens import AddedToken, added_in, check_added
from data_pipeline.tokenization.bert_config import check_bert, check_roles
from data_pipeline.tokenization.files import (
    FORM,
    MODEL,
    WORDPIECE_FILES,
    check_agreement,
    check_bare_vocabulary,
    check_case,
    from_config,
    from_full,
    given_case,
)
from data_pipeline.tokenization.read_files import read_json, read_vocab
from data_pipeline.tokenization.rules import Rules
from data_pipeline.tokenization.text_tokenizer import SPECIALS


@dataclass(frozen=True)
class WordPieceFacts:
    """All that decides the ids of a WordPiece tokeniser.

    Attributes:
        vocab: the token of each id, special and added ones included.
        rules: what is done to text before.
        added: tokens that are cut out of the text before anything else.
    """

    vocab: Sequence[str]
    rules: Rules
    added: Sequence[AddedToken]


def read_facts(folder: Path, cased: bool | None) -> tuple[WordPieceFacts, int]:
    """The tokeniser of a folder and its longest input.

    DataError where files are missing, are broken, or contradict each other or `cased`.
    """
    config_path, full_path, vocab_path = (folder / name for name in WORDPIECE_FILES)
    if not vocab_path.is_file() and not full_path.is_file():
        raise DataError(f"{folder}: holds neither vocab.txt nor tokenizer.json nor {MODEL}")
    config = read_json(config_path) if config_path.is_file() else {}
    check_roles(config, config_path)
    said, length = from_config(config, config_path)
    added = added_in(folder, config, SPECIALS)
    rules, vocab = None, None
    if full_path.is_file():
        rules, vocab = from_full(read_json(full_path), full_path)
    else:
        check_bert(config, config_path)
    if vocab_path.is_file():
        listed = check_added(folder, read_vocab(vocab_path), added)
        # See `from_full` on white space.
        if vocab is not None and [t.rstrip() for t in vocab] != [t.rstrip() for t in listed]:
            raise DataError(f"{folder}: vocab.txt and tokenizer.json hold different vocabularies")
        vocab = listed
    assert vocab is not None
    if rules is None:
        if said is None:
            check_bare_vocabulary(vocab_path, vocab, cased)
        rules = said or Rules(given_case(folder, cased))
    else:
        _check_agreement(folder, config, rules)
    check_case(folder, rules, cased)
    return WordPieceFacts(vocab, rules, added), length


def _check_agreement(folder: Path, config: Mapping[str, Any], rules: Rules) -> None:
    """DataError where a `tokenizer_config.json` says another thing than the `tokenizer.json`."""
    check_agreement(folder, config, "do_lower_case", not rules.cased)
    check_agreement(folder, config, "strip_accents", rules.strips_accents)
    check_agreement(folder, config, "tokenize_chinese_chars", rules.tokenize_chinese_chars)
    if config.get(FORM, "none") not in ("none", rules.unicode_form):
        check_agreement(folder, config, FORM, rules.unicode_form)

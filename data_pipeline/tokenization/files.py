"""What a tokeniser is made of on disk: its rules and its vocabulary, read and checked."""

from __future__ import annotations

import json
import re
from collections.abc import Container, Mapping, Sequence
from operator import methodcaller
from pathlib import Path
from typing import Any

from data_pipeline.atomic_file import remove_abandoned, write_atomically
from data_pipeline.errors import DataError
from data_pipeline.tokenization.read_files import read_json
from data_pipeline.tokenization.rules import LONG_RUN, LONGEST_WORD, Rules, UnicodeForm
from data_pipeline.tokenization.text_tokenizer import CLS, MASK, PAD, SEP, SPECIALS, UNK
from data_pipeline.wording import shown

# In the order in which they are written. The first says nothing without one of the others, and says
# with either of them all that there is to know: a folder opens as the whole tokeniser, or not.
CONFIG, FULL, VOCAB = WORDPIECE_FILES = ("tokenizer_config.json", "tokenizer.json", "vocab.txt")
MODEL = "sentencepiece.model"
SENTENCEPIECE_FILES = (CONFIG, MODEL, FULL)
FILES = (CONFIG, MODEL, FULL, VOCAB)
# What it was learned from; says nothing of what it is.
LEARNED = "learned.json"
# What it extends; says nothing of what it is either.
EXTENDED = "extended.json"
# Special tokens by role, as older versions of transformers need it.
SPECIAL_MAP = "special_tokens_map.json"
# What tokenizer_config.json calls the rules that only this project has.
FORM, LONG_RUNS = "unicode_normalization", "split_long_runs"
PREFIX = "##"
# Special tokens, and the pieces for bytes of SentencePiece.
_NO_TEXT = re.compile(r"\[.*\]|<0x[0-9A-F]{2}>", re.DOTALL)
_MANY = 100
# Of a longest input: Hugging Face writes 1e30 for "none".
_NO_LIMIT = 1 << 31


def from_full(full: dict[str, Any], path: Path) -> tuple[Rules, list[str]]:
    """Rules and vocabulary, added tokens included, of a `tokenizer.json`."""
    model, normalizer = (field_of(full, what, dict, {}, path) for what in ("model", "normalizer"))
    form, normalizer = unicode_form(normalizer)
    if model.get("type") != "WordPiece" or normalizer.get("type") != "BertNormalizer":
        raise DataError(
            f"{path}: needs the model WordPiece with a BertNormalizer; "
            f"got {shown(model.get('type'))} with {shown(normalizer.get('type'))}"
        )
    for what, got, needed in (
        ("continuing_subword_prefix", model.get("continuing_subword_prefix", PREFIX), PREFIX),
        ("unk_token", model.get("unk_token", UNK), UNK),
        ("max_input_chars_per_word", model.get("max_input_chars_per_word", 100), LONGEST_WORD),
        ("clean_text", normalizer.get("clean_text", True), True),
    ):
        if got != needed:
            raise DataError(f"{path}: {what} must be {needed!r}; got {shown(got)}")
    ids = ids_of(field_of(model, "vocab", dict, {}, path), path, full)
    # The line separator is a token of the original Chinese vocabulary, and white space at the end
    # of a token is lost when transformers reads it.
    vocab = [token or "\u2028" for token in tokens_by_id(ids, path)]
    rules = Rules(
        not field_of(normalizer, "lowercase", bool, True, path),
        _strip_accents(normalizer, path),
        field_of(normalizer, "handle_chinese_chars", bool, True, path),
        form,
        _splits_long_runs(full, path),
    )
    return rules, vocab


def ids_of(
    vocab: Mapping[str, Any], path: Path, full: Mapping[str, Any] | None = None
) -> dict[str, int]:
    """Ids by token, those of the `added_tokens` of a `tokenizer.json` among them."""
    ids = dict(vocab)
    for token in field_of(full or {}, "added_tokens", list, [], path):
        if not isinstance(token, dict):
            raise DataError(f"{path}: added_tokens must hold objects; got {shown(token)}")
        ids.setdefault(
            field_of(token, "content", str, None, path), field_of(token, "id", int, None, path)
        )
    for name, i in ids.items():
        if type(i) is not int:
            raise DataError(
                f"{path}: the id of {shown(name)} must be a whole number; got {shown(i)}"
            )
    return ids


def tokens_by_id(ids: Mapping[str, int], path: Path) -> list[str]:
    """The token of each id; DataError where the ids do not run from 0 on."""
    vocab = sorted(ids, key=ids.__getitem__)
    if [ids[token] for token in vocab] != list(range(len(vocab))):
        raise DataError(f"{path}: its ids do not run from 0 to {len(vocab) - 1}, each once")
    return vocab


def unicode_form(normalizer: dict[str, Any]) -> tuple[UnicodeForm, dict[str, Any]]:
    """The Unicode form that comes first in a normaliser, and what is left of it."""
    match normalizer:
        case {"type": "Sequence", "normalizers": [{"type": "NFC"}, {} as rest]}:
            return "nfc", rest
        case {"type": "Sequence", "normalizers": [{"type": "NFKC"}, {} as rest]}:
            return "nfkc", rest
    return "none", normalizer


def _splits_long_runs(full: dict[str, Any], path: Path) -> bool:
    match full.get("pre_tokenizer"):
        case {"type": "BertPreTokenizer"}:
            return False
        case {"type": "Sequence", "pretokenizers": [_, {"pattern": {"Regex": pattern}}]}:
            if pattern == LONG_RUN:
                return True
            raise DataError(
                f"{path}: splits words at a pattern that is unknown here: {shown(pattern)}"
            )
        case other:
            raise DataError(f"{path}: pre_tokenizer must be BertPreTokenizer; got {shown(other)}")


def from_config(config: dict[str, Any], path: Path) -> tuple[Rules | None, int]:
    """Rules, None where it does not say them, and longest input of a `tokenizer_config.json`."""
    lower, chinese = (
        field_of(config, what, bool, True, path)
        for what in ("do_lower_case", "tokenize_chinese_chars")
    )
    form = field_of(config, FORM, str, "none", path)
    runs = field_of(config, LONG_RUNS, bool, False, path)
    try:
        rules = Rules(not lower, _strip_accents(config, path), chinese, form, runs)
    except DataError as error:
        raise DataError(f"{path}: {error}") from error
    length = config.get("model_max_length", 512)
    if type(length) not in (int, float) or not length >= 1:
        raise DataError(f"{path}: model_max_length must be a number above 0; got {shown(length)}")
    return rules if "do_lower_case" in config else None, int(length) if length < _NO_LIMIT else 512


def says_max_length(folder: Path) -> bool:
    """Whether a tokeniser's folder says what the longest input of its model is."""
    path = folder / CONFIG
    length = read_json(path).get("model_max_length") if path.is_file() else None
    return isinstance(length, int | float) and length < _NO_LIMIT


def field_of(facts: Mapping[str, Any], name: str, kind: type, default: Any, path: Path) -> Any:
    """`facts[name]`, checked to be of this type; DataError names the file and the field."""
    value = facts.get(name, default)
    if type(value) is not kind:
        what = {dict: "an object", list: "a list", str: "text", bool: "true or false"}
        found = shown(value) if name in facts else "nothing"
        raise DataError(f"{path}: {name} must be {what.get(kind, 'a whole number')}; got {found}")
    return value


def _strip_accents(facts: dict[str, Any], path: Path) -> bool | None:
    """`facts["strip_accents"]`; null says the same as nothing."""
    if facts.get("strip_accents") is None:
        return None
    return bool(field_of(facts, "strip_accents", bool, None, path))


class CaseNotSaid(DataError):
    """A vocabulary that cannot say whether it is cased, and nobody does."""


def given_case(path: Path, cased: bool | None) -> bool:
    """`cased`; DataError where it is None, for a vocabulary that cannot say it."""
    if cased is None:
        raise CaseNotSaid(
            f"{path}: a bare vocabulary does not say whether it is cased; say cased=True or "
            "cased=False, or give a folder of it and a tokenizer_config.json with do_lower_case"
        )
    return cased


def check_bare_vocabulary(path: Path, vocab: Sequence[str], cased: bool | None) -> None:
    """DataError where a bare vocabulary is called cased and is sure not to be.

    One that lacks capitals may be of a script that has none, or of a handful of words.
    """
    small = sum(token != token.upper() for token in vocab)
    capitals = any(token != token.lower() and token not in SPECIALS for token in vocab)
    if cased and not capitals and small >= _MANY:
        raise DataError(
            f"{path}: none of its {len(vocab):,} tokens holds a capital, so that every word with "
            "one would be [UNK]: the vocabulary is uncased (cased=False); for text that "
            "has no capitals, a tokenizer_config.json beside it can say do_lower_case: false"
        )


def check_case(path: Path, rules: Rules, cased: bool | None) -> None:
    """DataError where the `cased` that was given is not that of the files."""
    if cased is not None and cased != rules.cased:
        word = "cased" if rules.cased else "uncased"
        raise DataError(f"{path}: is {word}, as its files say; cased={cased} was given")


def check_agreement(folder: Path, config: Mapping[str, Any], name: str, full: object) -> None:
    """DataError where a `tokenizer_config.json` contradicts what a `tokenizer.json` comes to.

    transformers takes the first for a class that it knows and the second for any other, so that
    neither is sure to be what a model was trained with. What is absent or null says nothing.

    Args:
        folder: of both files.
        config: what the first holds.
        name: of its field.
        full: what the second makes of it.
    """
    said = config.get(name)
    if said is not None and said != full:
        raise DataError(
            f"{folder}: {CONFIG} and {FULL} disagree about {name}: {json.dumps(said)} and "
            f"{json.dumps(full)}; change the one that is wrong"
        )


def is_begun(folder: Path) -> bool:
    """Whether writing a tokeniser's folder may have stopped before there was anything to open."""
    names = {path.name for path in folder.iterdir()}
    known = (LEARNED, EXTENDED, SPECIAL_MAP)
    begun = tuple(f"{file}." for file in (*FILES, *known))
    temporary = {name for name in names if name.startswith(begun)}
    return names - temporary <= {CONFIG, *known}


def folder_config(
    rules: Rules, tokenizer_class: str, model_max_length: int, more: Mapping[str, Any] | None = None
) -> bytes:
    """A `tokenizer_config.json`. What few tokenisers have is only written where it is so."""
    config = {
        "tokenizer_class": tokenizer_class,
        "do_lower_case": not rules.cased,
        "strip_accents": rules.strip_accents,
        "tokenize_chinese_chars": rules.tokenize_chinese_chars,
        "model_max_length": model_max_length,
        "pad_token": PAD,
        "unk_token": UNK,
        "cls_token": CLS,
        "sep_token": SEP,
        "mask_token": MASK,
        **(more or {}),
    }
    if rules.unicode_form != "none":
        config[FORM] = rules.unicode_form
    if rules.split_long_runs:
        config[LONG_RUNS] = True
    return (json.dumps(config, indent=2) + "\n").encode()


def write_files(folder: Path, contents: Mapping[str, bytes]) -> None:
    """Writes the files that are missing, each as a whole, so that nobody sees half a one.

    `contents` are in the order in which they are written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in contents.items():
        if not (folder / name).is_file():
            write_atomically(folder / name, methodcaller("write", content))
        remove_abandoned(folder.glob(f"{name}.*"))


def check_vocabulary(
    vocab: Sequence[str], rules: Rules, name: str, added: Container[str] = ()
) -> None:
    """DataError for a vocabulary that cannot be right; `name` is what it is called.

    Tokens that are `added` may hold capitals where the text is lower-cased: so are they.
    """
    first: dict[str, int] = {}
    for i, token in enumerate(vocab):
        if not token:
            raise DataError(f"{name}: line {i + 1} is empty; every line must be a token")
        if token in first:
            raise DataError(
                f"{name}: {shown(token)} is on line {first[token] + 1} and on line {i + 1}"
            )
        first[token] = i
    missing = [token for token in SPECIALS if token not in first]
    if missing:
        raise DataError(f"{name}: the vocabulary of {len(vocab)} lacks {' and '.join(missing)}")
    if not rules.cased:
        texts = (t for t in vocab if t not in added and not _NO_TEXT.fullmatch(t))
        capitals = [t for t in texts if t != t.lower()]
        if capitals:
            raise DataError(
                f"{name}: {len(capitals)} tokens hold capitals, such as {shown(capitals[0])}, "
                "which lower-cased text never matches: the vocabulary is cased (cased=True)"
            )

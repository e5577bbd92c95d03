"""What a WordPiece tokeniser is made of on disk: its rules and its vocabulary, read and checked."""

from __future__ import annotations

import json
import reprlib
import string
from collections.abc import Sequence
from dataclasses import dataclass
from operator import methodcaller
from pathlib import Path
from typing import Any

from tokenizers import normalizers

from data_pipeline.atomic_file import remove_abandoned, write_atomically
from data_pipeline.errors import DataError

# In the order in which they are written. The first says nothing without one of the others, and says
# with either of them all that there is to know: a folder opens as the whole tokeniser, or not.
CONFIG, FULL, VOCAB = FILES = ("tokenizer_config.json", "tokenizer.json", "vocab.txt")
PAD, UNK, CLS, SEP, MASK = SPECIALS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
PREFIX = "##"
# Longer words become [UNK], as in the original.
LONGEST_WORD = 100


@dataclass(frozen=True)
class Rules:
    """What decides a tokeniser's ids beside its vocabulary.

    `strip_accents` None means: where the text is lower-cased, as in the original.
    """

    cased: bool
    strip_accents: bool | None = None
    tokenize_chinese_chars: bool = True

    def normalizer(self) -> normalizers.BertNormalizer:
        """The rules as Hugging Face's component."""
        return normalizers.BertNormalizer(
            clean_text=True,
            handle_chinese_chars=self.tokenize_chinese_chars,
            strip_accents=self.strip_accents,
            lowercase=not self.cased,
        )


def separated(text: str, rules: Rules) -> str:
    """`text` with spaces around each ASCII punctuation mark, and ASCII capitals lowered if all are.

    Its words are cut and spelt by the normaliser as those of `text` are: a punctuation mark is a
    word whatever is beside it, and lowering one character does not depend on the next. What else
    ends a word, and all other characters, are left for the normaliser.
    """
    if not rules.cased:
        text = text.encode("utf-8").lower().decode("utf-8")
    for mark in string.punctuation:
        text = text.replace(mark, f" {mark} ")
    return text


def from_full(full: dict[str, Any], path: Path) -> tuple[Rules, list[str]]:
    """Rules and vocabulary of a `tokenizer.json`."""
    model, normalizer = (_field(full, what, dict, {}, path) for what in ("model", "normalizer"))
    if model.get("type") != "WordPiece" or normalizer.get("type") != "BertNormalizer":
        raise DataError(
            f"{path}: needs the model WordPiece with a BertNormalizer; "
            f"got {model.get('type')} with {normalizer.get('type')}"
        )
    for what, got, needed in (
        ("continuing_subword_prefix", model.get("continuing_subword_prefix", PREFIX), PREFIX),
        ("unk_token", model.get("unk_token", UNK), UNK),
        ("clean_text", normalizer.get("clean_text", True), True),
    ):
        if got != needed:
            raise DataError(f"{path}: {what} must be {needed!r}; got {got!r}")
    ids: dict[str, int] = dict(_field(model, "vocab", dict, {}, path))
    for token in _field(full, "added_tokens", list, [], path):
        if not isinstance(token, dict):
            raise DataError(f"{path}: added_tokens must hold objects; got {token!r}")
        ids.setdefault(
            _field(token, "content", str, None, path), _field(token, "id", int, None, path)
        )
    for name, i in ids.items():
        if type(i) is not int:
            raise DataError(f"{path}: the id of {name!r} must be a whole number; got {i!r}")
    vocab = sorted(ids, key=ids.__getitem__)
    if [ids[token] for token in vocab] != list(range(len(vocab))):
        raise DataError(f"{path}: its ids do not run from 0 to {len(vocab) - 1}, each once")
    rules = Rules(
        not _field(normalizer, "lowercase", bool, True, path),
        _strip_accents(normalizer, path),
        _field(normalizer, "handle_chinese_chars", bool, True, path),
    )
    return rules, vocab


def from_config(config: dict[str, Any], path: Path) -> tuple[Rules | None, int]:
    """Rules, None where it does not say them, and longest input of a `tokenizer_config.json`."""
    lower, chinese = (
        _field(config, what, bool, True, path)
        for what in ("do_lower_case", "tokenize_chinese_chars")
    )
    rules = Rules(not lower, _strip_accents(config, path), chinese)
    length = config.get("model_max_length", 512)
    if type(length) not in (int, float) or not length >= 1:
        raise DataError(f"{path}: model_max_length must be a number above 0; got {length!r}")
    # Hugging Face writes 1e30 for "no limit".
    return rules if "do_lower_case" in config else None, int(length) if length < 1 << 31 else 512


def _field(facts: dict[str, Any], name: str, kind: type, default: Any, path: Path) -> Any:
    """`facts[name]`, checked to be of this type; DataError names the file and the field."""
    value = facts.get(name, default)
    if type(value) is not kind:
        what = {dict: "an object", list: "a list", str: "text", bool: "true or false"}
        found = reprlib.repr(value) if name in facts else "nothing"
        raise DataError(f"{path}: {name} must be {what.get(kind, 'a whole number')}; got {found}")
    return value


def _strip_accents(facts: dict[str, Any], path: Path) -> bool | None:
    """`facts["strip_accents"]`; null says the same as nothing."""
    if facts.get("strip_accents") is None:
        return None
    return bool(_field(facts, "strip_accents", bool, None, path))


def given_case(path: Path, cased: bool | None) -> bool:
    """`cased`; DataError where it is None, for a vocabulary that cannot say it."""
    if cased is None:
        raise DataError(
            f"{path}: a bare vocabulary does not say whether it is cased; "
            "say cased=True or cased=False (--cased or --uncased)"
        )
    return cased


def read_vocab(path: Path) -> list[str]:
    """One token a line. Only the line end is taken off: a token may be any other white space."""
    try:
        text = path.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: a vocabulary must be UTF-8 text: {error.reason}") from error
    lines = text.removeprefix("\ufeff").replace("\r\n", "\n").split("\n")
    while lines and not lines[-1]:
        lines.pop()
    return lines


def read_json(path: Path) -> dict[str, Any]:
    """The object in a JSON file; DataError where there is none."""
    try:
        value = json.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise DataError(f"{path}: is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise DataError(f"{path}: must hold a JSON object")
    return value


def is_begun(folder: Path) -> bool:
    """Whether writing a tokeniser's folder may have stopped before there was anything to open."""
    names = {path.name for path in folder.iterdir()}
    temporary = {name for name in names if name.startswith(tuple(f"{file}." for file in FILES))}
    return names - temporary <= {CONFIG}


def write_files(folder: Path, contents: dict[str, bytes]) -> None:
    """Writes those of `FILES` that are missing, each as a whole, so that nobody sees half a one."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in FILES:
        if not (folder / name).is_file():
            write_atomically(folder / name, methodcaller("write", contents[name]))
        remove_abandoned(folder.glob(f"{name}.*"))


def check_vocabulary(vocab: Sequence[str], rules: Rules, name: str) -> None:
    """DataError for a vocabulary that cannot be right; `name` is what it is called."""
    first: dict[str, int] = {}
    for i, token in enumerate(vocab):
        if not token:
            raise DataError(f"{name}: line {i + 1} is empty; every line must be a token")
        if token in first:
            raise DataError(f"{name}: {token!r} is on line {first[token] + 1} and on line {i + 1}")
        first[token] = i
    missing = [token for token in SPECIALS if token not in first]
    if missing:
        raise DataError(f"{name}: the vocabulary of {len(vocab)} lacks {' and '.join(missing)}")
    if not rules.cased:
        capitals = [t for t in vocab if t != t.lower() and not (t[0] == "[" and t[-1] == "]")]
        if capitals:
            raise DataError(
                f"{name}: {len(capitals)} tokens hold capitals, such as {capitals[0]!r}, which "
                "lower-cased text never matches: the vocabulary is cased (cased=True, --cased)"
            )

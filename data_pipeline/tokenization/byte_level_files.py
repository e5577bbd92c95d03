"""A byte-level BPE tokeniser on disk, as RoBERTa's is: `tokenizer.json`, or two older files.

The older files are `vocab.json` and `merges.txt`. Which token has which role is looked up in
`tokenizer_config.json`, then in `special_tokens_map.json`, then in how `tokenizer.json` lays out
its inputs; what none of them says has RoBERTa's name.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data_pipeline.errors import DataError
from data_pipeline.tokenization.added_tokens import AddedToken, added_in, check_added
from data_pipeline.tokenization.files import (
    CONFIG,
    FULL,
    SPECIAL_MAP,
    check_agreement,
    field_of,
    from_config,
    ids_of,
    tokens_by_id,
    unicode_form,
)
from data_pipeline.tokenization.read_files import read_json, read_limited
from data_pipeline.tokenization.rules import UnicodeForm
from data_pipeline.tokenization.text_tokenizer import BERT_PAIR, ROBERTA_PAIR, ROLES, PairLayout
from data_pipeline.wording import shown

VOCAB_JSON, MERGES = "vocab.json", "merges.txt"
# In the order in which they are written; see `files.WORDPIECE_FILES`.
BYTE_LEVEL_FILES = (CONFIG, SPECIAL_MAP, FULL, VOCAB_JSON, MERGES)
# In the order of `text_tokenizer.ROLES`.
ROBERTA_SPECIALS = ("<pad>", "<unk>", "<s>", "</s>", "<mask>")
_VERSION = "#version: "


@dataclass(frozen=True)
class ByteLevelFacts:
    """All that decides the ids of a byte-level BPE tokeniser.

    Attributes:
        vocab: the token of each id, special and added ones included.
        merges: pairs of tokens, the first learned first.
        specials: the tokens of the roles, in the order of `ROLES`.
        add_prefix_space: a text that does not begin with a space is encoded as if it did.
        unicode_form: what the text is normalised to first.
        ignore_merges: a word that is a token is that token, whatever the merges make of it.
        added: tokens beside the special ones that are cut out of the text before anything else.
        mask_strips: whether the white space on the left and on the right of a textual mask token
            goes with it.
        layout: how two texts are put in a row.
    """

    vocab: tuple[str, ...]
    merges: tuple[tuple[str, str], ...]
    specials: tuple[str, ...] = ROBERTA_SPECIALS
    add_prefix_space: bool = False
    unicode_form: UnicodeForm = "none"
    ignore_merges: bool = False
    added: tuple[AddedToken, ...] = ()
    mask_strips: tuple[bool, bool] = (True, False)
    layout: PairLayout = ROBERTA_PAIR


def is_byte_level(folder: Path) -> bool:
    """Whether a folder is to be read as one of byte-level BPE."""
    full = folder / FULL
    if full.is_file():
        model = read_json(full).get("model")
        return isinstance(model, dict) and model.get("type") == "BPE"
    return (folder / VOCAB_JSON).is_file() and (folder / MERGES).is_file()


def read_facts(folder: Path) -> tuple[ByteLevelFacts, int]:
    """The tokeniser of a folder and its longest input; DataError where it cannot be had exactly."""
    path = folder / CONFIG
    config = read_json(path) if path.is_file() else {}
    _, length = from_config(config, path)
    full_path, vocab_path, merges_path = (folder / n for n in (FULL, VOCAB_JSON, MERGES))
    listed = ids_of(read_json(vocab_path), vocab_path) if vocab_path.is_file() else None
    merges = read_merges(merges_path) if merges_path.is_file() else None
    if full_path.is_file():
        full = read_json(full_path)
        ids, facts = _from_full(full, full_path)
        model_ids = full["model"]["vocab"]
        if (listed is not None and listed not in (model_ids, ids)) or (
            merges is not None and merges != facts["merges"]
        ):
            raise DataError(
                f"{folder}: {FULL} and {VOCAB_JSON} with {MERGES} hold different tokenisers; "
                "remove those that are wrong"
            )
        check_agreement(folder, config, "add_prefix_space", facts["add_prefix_space"])
        processor = full.get("post_processor")
    else:
        # There are both, or `is_byte_level` is not true.
        ids, processor = listed or {}, None
        prefix = field_of(config, "add_prefix_space", bool, False, path)
        facts = {"merges": merges or (), "add_prefix_space": prefix}
    layout, by_layout = _layout(processor, full_path)
    specials = _specials(folder, config, by_layout, ids)
    added = added_in(folder, config, specials)
    mask = next((token for token in added if token.content == specials[-1]), None)
    if mask is not None:
        facts["mask_strips"] = mask.lstrip, mask.rstrip
    facts["added"] = tuple(t for t in added if not t.special and t.content not in specials)
    vocab = check_added(folder, tokens_by_id(ids, folder), added)
    return ByteLevelFacts(tuple(vocab), specials=specials, layout=layout, **facts), length


def read_merges(path: Path) -> tuple[tuple[str, str], ...]:
    """The pairs of a `merges.txt`: two tokens a line, after a line with its version."""
    try:
        lines = read_limited(path).decode("utf-8").replace("\r\n", "\n").split("\n")
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: merges must be UTF-8 text: {error.reason}") from error
    pairs = []
    for number, line in enumerate(lines, 1):
        if not line or (number == 1 and line.startswith(_VERSION)):
            continue
        pair = line.split(" ")
        if len(pair) != 2:
            raise DataError(
                f"{path}:{number}: needs two tokens with a space between; got {shown(line)}"
            )
        pairs.append((pair[0], pair[1]))
    return tuple(pairs)


def merges_text(merges: Sequence[tuple[str, str]]) -> bytes:
    """The content of a `merges.txt`."""
    return "".join([f"{_VERSION}0.2\n", *(f"{a} {b}\n" for a, b in merges)]).encode()


def _from_full(full: dict[str, Any], path: Path) -> tuple[dict[str, int], dict[str, Any]]:
    """Ids by token, and what of the facts a `tokenizer.json` says by itself."""
    model = field_of(full, "model", dict, {}, path)
    before, normal = (full.get(what) for what in ("pre_tokenizer", "normalizer"))
    before = before if isinstance(before, dict) else {"type": before}
    form, rest = unicode_form(normal if isinstance(normal, dict) else {"type": normal})
    if rest == {"type": None}:
        rest = {}
    alone: dict[str, UnicodeForm] = {"NFC": "nfc", "NFKC": "nfkc"}
    for kind, name in alone.items():
        if rest == {"type": kind}:
            form, rest = name, {}
    for what, got, needed in (
        ("pre_tokenizer", before.get("type"), "ByteLevel"),
        ("use_regex", before.get("use_regex", True), True),
        ("normalizer", rest or None, None),
        ("dropout", model.get("dropout") or None, None),
        ("continuing_subword_prefix", model.get("continuing_subword_prefix") or "", ""),
        ("end_of_word_suffix", model.get("end_of_word_suffix") or "", ""),
        ("byte_fallback", model.get("byte_fallback") or False, False),
    ):
        if got != needed:
            raise DataError(
                f"{path}: {what} of a byte-level BPE must be {needed!r}; got {shown(got)}, which "
                "is another tokeniser than those known here: WordPiece, SentencePiece and RoBERTa's"
            )
    merges = []
    for pair in field_of(model, "merges", list, None, path):
        parts = pair.split(" ") if isinstance(pair, str) else pair
        if not isinstance(parts, list) or [type(p) for p in parts] != [str, str]:
            raise DataError(f"{path}: a merge must be two tokens; got {shown(pair)}")
        merges.append((parts[0], parts[1]))
    return ids_of(field_of(model, "vocab", dict, None, path), path, full), {
        "merges": tuple(merges),
        "add_prefix_space": field_of(before, "add_prefix_space", bool, True, path),
        "unicode_form": form,
        "ignore_merges": bool(model.get("ignore_merges")),
    }


def _specials(
    folder: Path, config: Mapping[str, Any], layout: Mapping[str, str], ids: Mapping[str, int]
) -> tuple[str, ...]:
    """The tokens of the roles, each of which the vocabulary must hold."""
    path = folder / SPECIAL_MAP
    sources = [config, read_json(path) if path.is_file() else {}, layout]
    found = []
    for role, usual in zip(ROLES, ROBERTA_SPECIALS, strict=True):
        given = (source[role] for source in sources if source.get(role) is not None)
        token = next(given, usual)
        if isinstance(token, dict):
            token = token.get("content")
        if not isinstance(token, str) or token not in ids:
            raise DataError(
                f"{folder}: its {role}, {shown(token)}, is no token of its vocabulary; "
                f"name the right one as {role} in {CONFIG}"
            )
        found.append(token)
    _check_different(folder, found)
    return tuple(found)


def _check_different(folder: Path, specials: Sequence[str]) -> None:
    first: dict[str, str] = {}
    for role, token in zip(ROLES, specials, strict=True):
        if token in first and role != "unk_token":
            raise DataError(
                f"{folder}: {shown(token)} is its {first[token]} and its {role}; a model with "
                f"masks needs a token for each: name them in {CONFIG}"
            )
        first[token] = role


def _layout(processor: Any, path: Path) -> tuple[PairLayout, dict[str, str]]:
    """How two texts are put in a row, and the roles that this tells."""
    match processor:
        case {"type": "RobertaProcessing", "cls": [str(cls), *_], "sep": [str(sep), *_]}:
            return ROBERTA_PAIR, {"cls_token": cls, "sep_token": sep}
        case {"type": "TemplateProcessing", "pair": list(pair)}:
            return _template(pair, path)
        case None | {"type": "ByteLevel"}:
            return ROBERTA_PAIR, {}
    raise DataError(f"{path}: its post_processor is unknown here: {json.dumps(processor)[:60]}")


def _template(pair: list[Any], path: Path) -> tuple[PairLayout, dict[str, str]]:
    """Of `cls A sep B sep`, or with two separators between."""
    match pair:
        case [
            {"SpecialToken": {"id": str(cls)}},
            {"Sequence": {"id": "A"}},
            {"SpecialToken": {"id": str(sep)}},
            *more,
            {"Sequence": {"id": "B", "type_id": (0 | 1) as second}},
            {"SpecialToken": {"id": str(last)}},
        ] if last == sep and all(map(_is_special(sep), more)):
            layout = PairLayout(1 + len(more), second)
            return BERT_PAIR if layout == BERT_PAIR else layout, {
                "cls_token": cls,
                "sep_token": sep,
            }
    raise DataError(f"{path}: lays out a pair of texts in a way that is unknown here")


def _is_special(token: str) -> Callable[[Any], bool]:
    def is_it(part: Any) -> bool:
        match part:
            case {"SpecialToken": {"id": str(name)}}:
                return name == token
        return False

    return is_it

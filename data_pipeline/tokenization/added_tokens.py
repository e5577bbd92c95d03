"""Tokens that were added to a vocabulary, and are cut out of text before it is cut into words.

Hugging Face's libraries keep them in `tokenizer.json` (`added_tokens`), in `tokenizer_config.json`
(`added_tokens_decoder`), or in `added_tokens.json`, by age.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import tokenizers

from data_pipeline.errors import DataError
from data_pipeline.tokenization.files import CONFIG, FULL, SPECIAL_MAP, field_of
from data_pipeline.tokenization.read_files import read_json
from data_pipeline.wording import shown

ADDED_JSON = "added_tokens.json"
_FLAGS = ("special", "single_word", "lstrip", "rstrip", "normalized")


class AddedToken(NamedTuple):
    """A token and how it is found in text, in the library's terms.

    Attributes:
        id: of the token.
        content: as it is written.
        special: it is none of text; here text never becomes it.
        single_word: it is found only where no letter or digit is beside it.
        lstrip: white space on its left goes with it; `rstrip`: on its right.
        normalized: it is looked for in normalised text.
    """

    id: int
    content: str
    special: bool = False
    single_word: bool = False
    lstrip: bool = False
    rstrip: bool = False
    normalized: bool = True

    def of_library(self) -> tokenizers.AddedToken:
        """As the library has it."""
        return tokenizers.AddedToken(self.content, **{n: getattr(self, n) for n in _FLAGS})


def added_in(folder: Path, config: Mapping[str, Any], special: Collection[str]) -> list[AddedToken]:
    """Those of a folder, by id; `special` are the special tokens by role."""
    full, older, path = folder / FULL, folder / ADDED_JSON, folder / CONFIG
    listed: Sequence[Any] = []
    if full.is_file():
        path, listed = full, field_of(read_json(full), "added_tokens", list, [], full)
    elif "added_tokens_decoder" in config:
        decoder = field_of(config, "added_tokens_decoder", dict, {}, path)
        listed = [
            # Longer ones are no ids either, and Python refuses to read thousands of digits.
            {**token, "id": int(i[:19])}
            for i, token in decoder.items()
            if i.isdecimal() and isinstance(token, dict)
        ]
    elif older.is_file():
        path = older
        roles = folder / SPECIAL_MAP
        sources = (config, read_json(roles) if roles.is_file() else {})
        lists = (source.get("additional_special_tokens") for source in sources)
        more = [token for some in lists if isinstance(some, list) for token in some]
        names = (token.get("content") if isinstance(token, dict) else token for token in more)
        specials = {*special, *(name for name in names if isinstance(name, str))}
        listed = [
            {"id": i, "content": token, "special": token in specials}
            for token, i in read_json(older).items()
        ]
    return sorted(_added(token, path) for token in listed)


def added_facts(tokens: Sequence[AddedToken]) -> dict[str, Any]:
    """What `tokenizer_config.json` has of them."""
    fields = ("content", *_FLAGS)
    return {str(t.id): {name: getattr(t, name) for name in fields} for t in tokens}


def check_added(folder: Path, vocab: Sequence[str], added: Sequence[AddedToken]) -> list[str]:
    """`vocab` with the added tokens that it lacks; DataError where their ids do not fit."""
    whole = list(vocab)
    known = {token: i for i, token in enumerate(vocab)}
    for token in added:
        if known.get(token.content, len(whole)) != token.id:
            raise DataError(
                f"{folder}: the added token {shown(token.content)} has the id {shown(token.id)}; "
                f"it must be {known.get(token.content, len(whole))}, by the vocabulary"
            )
        if token.content not in known:
            whole.append(token.content)
            known[token.content] = token.id
    return whole


def _added(token: Any, path: Path) -> AddedToken:
    if not isinstance(token, dict):
        raise DataError(f"{path}: added_tokens must hold objects; got {shown(token)}")
    special = field_of(token, "special", bool, False, path)
    defaults = {"special": False, "normalized": not special}
    return AddedToken(
        field_of(token, "id", int, None, path),
        field_of(token, "content", str, None, path),
        *(field_of(token, flag, bool, defaults.get(flag, False), path) for flag in _FLAGS),
    )

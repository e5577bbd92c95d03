"""What a tokeniser has beyond the one that it extends, and the first values of its new rows.

A model goes on with a larger vocabulary by a row for each new token. One begins as the mean of the
rows of the pieces that the old tokeniser made of it: the scores of the masked language model, which
are the products with the same embeddings and a bias, are then the mean of the pieces' scores.
`extended.json` in a tokeniser's folder is the record of it.
"""

from __future__ import annotations

import json
import os
import reprlib
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from data_pipeline.atomic_file import write_atomically
from data_pipeline.errors import DataError
from data_pipeline.tokenization.files import EXTENDED, PREFIX
from data_pipeline.tokenization.read_files import read_json
from data_pipeline.tokenization.text_tokenizer import TextTokenizer
from data_pipeline.tokenization.tokenizer import Tokenizer, load_tokenizer

_FIELDS = {"from", "old_size", "pieces"}


@dataclass(frozen=True)
class Extension:
    """The new tokens of a tokeniser.

    Attributes:
        parent: fingerprint of the tokeniser that was extended.
        old_size: its vocabulary's size; ids below it are the same in both.
        pieces: for each new token, in the order of the ids from `old_size` on, its old ids.
    """

    parent: str
    old_size: int
    pieces: Mapping[str, tuple[int, ...]]

    @property
    def size(self) -> int:
        """The new vocabulary's size."""
        return self.old_size + len(self.pieces)


def extension_of(old: TextTokenizer, new: TextTokenizer) -> Extension:
    """What `new` has beyond `old`, whatever is between them: it may be extended more than once.

    DataError unless `new` is WordPiece of the same rules whose vocabulary begins with all of
    `old`'s and goes on with words that `old` splits into pieces without [UNK].
    """
    if not isinstance(old, Tokenizer) or not isinstance(new, Tokenizer):
        raise DataError(
            "only a WordPiece vocabulary can be extended: pieces of others have scores or merges"
        )
    if old.rules.facts() != new.rules.facts():
        raise DataError("is no extension: the rules for case, accents and the like are others")
    if new.vocab[: old.vocab_size] != old.vocab or new.vocab_size == old.vocab_size:
        raise DataError(
            f"is no extension: the vocabulary of {new.vocab_size:,} must begin with all "
            f"{old.vocab_size:,} tokens of the old one, in their order, and have more"
        )
    words = new.vocab[old.vocab_size :]
    pieces = dict(zip(words, map(tuple, old.encode_batch(words)), strict=True))
    for word, ids in pieces.items():
        if "".join(old.vocab[i].removeprefix(PREFIX) for i in ids) != word:
            raise DataError(
                f"is no extension: the new token {word!r} is no word that the old vocabulary "
                "spells, so that there are no rows to make its row of"
            )
    return Extension(old.fingerprint, old.vocab_size, pieces)


def extended_rows(table: npt.NDArray[Any], extension: Extension) -> npt.NDArray[Any]:
    """A table with a row for each token of the old vocabulary -> one for the new vocabulary.

    Args:
        table: [old_size, E] floats, the embeddings; or [old_size], the biases of the output.
        extension: what the new vocabulary has more.

    Returns:
        [size, E] or [size], of the table's type. Old rows are equal to the bit; a new one is the
        mean of its pieces' rows, summed in float64.

    Raises:
        DataError: the table has another number of rows (a model's may be padded: cut it first).
    """
    if table.ndim == 0 or len(table) != extension.old_size:
        raise DataError(
            f"the table must have {extension.old_size:,} rows, one for each token of the old "
            f"vocabulary; its shape is {list(table.shape)}"
        )
    ids = np.fromiter(chain.from_iterable(extension.pieces.values()), np.int64)
    lengths = np.fromiter(map(len, extension.pieces.values()), np.int64, len(extension.pieces))
    sums = np.add.reduceat(table[ids].astype(np.float64), np.cumsum(lengths) - lengths)
    means = sums / lengths.reshape(-1, *[1] * (table.ndim - 1))
    return np.concatenate([table, means.astype(table.dtype)])


def write_extension(folder: Path, extension: Extension) -> None:
    """To be called before the tokeniser is written: one that is whole has its `extended.json`."""
    pieces = ",\n".join(
        f"    {json.dumps(token, ensure_ascii=False)}: {list(ids)}"
        for token, ids in extension.pieces.items()
    )
    text = (
        f'{{\n  "from": "{extension.parent}",\n  "old_size": {extension.old_size},\n'
        f'  "pieces": {{\n{pieces}\n  }}\n}}\n'
    )
    folder.mkdir(parents=True, exist_ok=True)
    write_atomically(folder / EXTENDED, lambda file: file.write(text.encode()))


def read_extension(folder: str | os.PathLike[str]) -> Extension | None:
    """What a tokeniser's folder says of the one that it extends; None where it says nothing.

    DataError where the file is not what `write_extension` writes for the tokeniser beside it.
    """
    path = Path(folder) / EXTENDED
    if not path.is_file():
        return None
    tokenizer = load_tokenizer(folder)
    found = _parsed(read_json(path), tokenizer, path)
    try:
        if not isinstance(tokenizer, Tokenizer):
            raise DataError("stands beside a tokeniser that is not WordPiece")
        old = Tokenizer(tokenizer.vocab[: found.old_size], tokenizer.rules, name="its old tokens")
        made = extension_of(old, tokenizer)
        if made.parent != found.parent:
            raise DataError("its old tokens are not those of the tokeniser that `from` names")
        for token, ids in made.pieces.items():
            if found.pieces[token] != ids:
                raise DataError(
                    f"gives {token!r} the pieces {list(found.pieces[token])}, where the old "
                    f"tokeniser makes {list(ids)} of it"
                )
    except DataError as error:
        raise DataError(f"{path}: {error}") from error
    return found


def _parsed(facts: dict[str, Any], tokenizer: TextTokenizer, path: Path) -> Extension:
    """The fields, each of its type and its range."""
    if set(facts) != _FIELDS:
        raise DataError(f"{path}: must hold {', '.join(sorted(_FIELDS))}, and nothing else")
    parent, old_size, pieces = facts["from"], facts["old_size"], facts["pieces"]
    if not isinstance(parent, str):
        raise DataError(
            f"{path}: from must be a tokeniser's fingerprint; got {reprlib.repr(parent)}"
        )
    if type(old_size) is not int or not 0 < old_size < tokenizer.vocab_size:
        raise DataError(
            f"{path}: old_size must be above 0 and below the {tokenizer.vocab_size} tokens of the "
            f"vocabulary; got {reprlib.repr(old_size)}"
        )
    if not isinstance(pieces, dict) or tuple(pieces) != tokenizer.vocab[old_size:]:
        raise DataError(
            f"{path}: pieces must hold the {tokenizer.vocab_size - old_size:,} tokens from id "
            f"{old_size:,} on, each once, in their order"
        )
    for token, ids in pieces.items():
        right = isinstance(ids, list) and ids and all(type(i) is int for i in ids)
        if not right or not all(0 <= i < old_size for i in ids):
            raise DataError(
                f"{path}: the pieces of {token!r} must be a list of ids from 0 to {old_size - 1}; "
                f"got {reprlib.repr(ids)}"
            )
    return Extension(parent, old_size, {token: tuple(ids) for token, ids in pieces.items()})

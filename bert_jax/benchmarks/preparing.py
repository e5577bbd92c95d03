"""Preparing text on one core, beside bare `tokenizers`, in turns.

Ours reads files, splits them into documents and sentences, tokenises, and writes a token store. The
peer is Hugging Face's `tokenizers` alone: it is given the paragraphs in memory, ready to be
tokenised, by the same rules and vocabulary, and keeps nothing. The ids are compared.
"""

from __future__ import annotations

import os
import shutil
import statistics
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from bert_jax.benchmarks.turns import Maker, Step, contestants, in_turns, ratio
from bert_jax.errors import UserError
from data_pipeline.documents import units_of
from data_pipeline.documents.inputs import open_sources
from data_pipeline.preparation.encoded_unit import UnitEncoder
from data_pipeline.preparation.prepare import prepare
from data_pipeline.tokenization.tokenizer import load_tokenizer

Row = dict[str, Any]
# Paragraphs given to the peer at a time: its own default in `datasets.map`.
_BATCH = 1000


def run(text: Sequence[str], tokenizer: str | Path, rounds: int = 3) -> list[Row]:
    """Rows `name peer value unit ratio`, in bytes of text a second.

    Args:
      text: files, globs or folders.
      tokenizer: a tokeniser's folder.
      rounds: turns that are counted; a first one warms up.

    Raises:
      UserError: the ids differ, so that the comparison would be of different work.
      DataError: the text or the tokeniser cannot be read.
    """
    paragraphs = _paragraphs(text)
    total = sum(len(p.encode()) for p in paragraphs)
    _check_ids(text, tokenizer, paragraphs)
    cores = {max(os.sched_getaffinity(0))} if hasattr(os, "sched_getaffinity") else set()
    one_thread = {**os.environ, "TOKENIZERS_PARALLELISM": "false", "RAYON_NUM_THREADS": "1"}
    makers: list[Maker] = [
        (_our_preparation, (list(text), str(tokenizer), cores), one_thread),
        (_peer, (list(text), str(tokenizer), "encode_batch", cores), one_thread),
        (_peer, (list(text), str(tokenizer), "encode_batch_fast", cores), one_thread),
    ]
    with contestants(*makers) as entrants:
        ours, *others = in_turns(entrants, rounds, 1)
    name = "preparing text, one core" if cores else "preparing text, one process"
    rows = [_row(name, None, total / statistics.median(ours), None)]
    for peer, theirs in zip(("encode_batch", "encode_batch_fast"), others, strict=True):
        rate = total / statistics.median(theirs)
        rows.append(_row(name, f"tokenizers {peer}", rate, ratio(ours, theirs)))
    return rows


def _our_preparation(text: list[str], tokenizer: str, cores: set[int]) -> Step:
    _hold_to(cores)

    def step() -> None:
        folder = Path(tempfile.mkdtemp())
        try:
            # Opened anew each time, so that no word of the last turn is remembered.
            prepare(text, load_tokenizer(tokenizer), folder / "store", workers=1)
        finally:
            shutil.rmtree(folder)

    return step


def _peer(text: list[str], tokenizer: str, method: str, cores: set[int]) -> Step:
    _hold_to(cores)
    paragraphs = _paragraphs(text)
    encode = getattr(_hugging_face(tokenizer), method)

    def step() -> None:
        for start in range(0, len(paragraphs), _BATCH):
            encoded = encode(paragraphs[start : start + _BATCH], add_special_tokens=False)
            for encoding in encoded:
                _ = encoding.ids  # a list, which whoever tokenises wants

    return step


def _hugging_face(tokenizer: str | Path) -> Any:
    from tokenizers import Tokenizer

    return Tokenizer.from_file(str(Path(tokenizer) / "tokenizer.json"))


def _hold_to(cores: set[int]) -> None:
    if cores:
        os.sched_setaffinity(0, cores)


def _paragraphs(text: Sequence[str]) -> list[str]:
    units = units_of(open_sources(text), lambda n: None)
    parsed = (unit.parse(unit.content) for unit in units)
    return [line for unit in parsed for document in unit.documents for line in document]


def _check_ids(text: Sequence[str], tokenizer: str | Path, paragraphs: list[str]) -> None:
    encoder = UnitEncoder(load_tokenizer(tokenizer), "en", 0.01)
    ours = (encoder(unit).tokens for unit in units_of(open_sources(text), lambda n: None))
    peer = _hugging_face(tokenizer)
    encode = partial(peer.encode_batch_fast, add_special_tokens=False)
    theirs = (
        encoding.ids
        for start in range(0, len(paragraphs), _BATCH)
        for encoding in encode(paragraphs[start : start + _BATCH])
    )
    expected = np.fromiter((i for ids in theirs for i in ids), np.int64)
    found = np.concatenate(list(ours))
    if len(found) != len(expected) or (found != expected).any():
        raise UserError(
            f"{tokenizer}: `tokenizers` gives other ids for this text ({len(expected)}, ours "
            f"{len(found)}); it holds a special token, perhaps, which is text to us"
        )


def _row(name: str, peer: str | None, value: float, found: float | None) -> Row:
    return {"name": name, "peer": peer, "value": value, "unit": "B/s", "ratio": found}

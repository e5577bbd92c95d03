"""Batches of 32 x 128 on one core, beside Hugging Face's collator, in turns.

The peer is `DataCollatorForLanguageModeling` with PyTorch tensors. Its rows are tokenised, cut to
128 and given their special tokens already, and lie in memory; it pads, masks and makes tensors, and
knows no sentence pairs. How quick it is depends on what its rows are (`FORMS`). Ours starts from
the token store: it gathers both parts of a pair, which lie anywhere in it, adds special tokens,
token types and the attention mask, and masks.
"""

from __future__ import annotations

import importlib.util
import os
import statistics
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from bert_jax.benchmarks.turns import Maker, Step, contestants, in_turns, ratio
from bert_jax.errors import UserError
from data_pipeline.objective import Masking

Row = dict[str, Any]
ROWS, LENGTH = 32, 128
# What the peer's rows are: dicts with all that its tokeniser returns, as transformers' own examples
# of pretraining have them; lists of ids; tensors of ids, the quickest. For the latter two it makes
# ids and labels alone.
FORMS = ("dicts", "lists", "tensors")
# All of them are timed as one: ours makes a few at once and has then nothing to do for the next.
_BATCHES = 64


def run(data: str | Path, rounds: int = 5, steps: int = 4) -> list[Row]:
    """Rows `name peer value unit ratio`, in slots (rows x length) a second.

    The last pair is of whole words, where the peer makes every chosen token a [MASK].

    Args:
      data: a token store, whose tokeniser and tokens both sides use.
      rounds: turns that are counted.
      steps: of a turn, `_BATCHES` batches each.

    Raises:
      UserError: PyTorch or transformers is not installed.
    """
    missing = [n for n in ("torch", "transformers") if importlib.util.find_spec(n) is None]
    if missing:
        raise UserError(
            f"comparing with Hugging Face's collator needs {' and '.join(missing)}; "
            "install them by: pip install 'bert-jax[peers]'"
        )
    cores = {max(os.sched_getaffinity(0))} if hasattr(os, "sched_getaffinity") else set()
    name = f"batches {ROWS} x {LENGTH} with masks" + (", one core" if cores else "")
    rows = _compare(name, str(data), "piece", FORMS, cores, rounds, steps)
    # A word's tokens are found by where they stand in the text, which dicts alone can say.
    whole = name.replace("masks", "masks of whole words")
    return rows + _compare(whole, str(data), "whole_word", FORMS[:1], cores, rounds, steps)


def _compare(
    name: str,
    data: str,
    masking: Masking,
    forms: tuple[str, ...],
    cores: set[int],
    rounds: int,
    steps: int,
) -> list[Row]:
    one_thread = {**os.environ, "OMP_NUM_THREADS": "1"}
    makers: list[Maker] = [(_ours, (data, masking, cores), one_thread)]
    makers += [(_collator, (data, masking, form, cores), one_thread) for form in forms]
    with contestants(*makers) as entrants:
        ours, *others = in_turns(entrants, rounds, steps)
    slots = _BATCHES * ROWS * LENGTH
    rows = [_row(name, None, slots / statistics.median(ours), None)]
    for form, theirs in zip(forms, others, strict=True):
        peer = f"transformers' DataCollatorForLanguageModeling, of {form}"
        rows.append(_row(name, peer, slots / statistics.median(theirs), ratio(ours, theirs)))
    return rows


def _ours(data: str, masking: Masking, cores: set[int]) -> Step:
    from data_pipeline.batches import PretrainingBatches
    from data_pipeline.objective import PretrainingObjective
    from data_pipeline.store.token_store import TokenStore
    from data_pipeline.tokenization.special_ids import SpecialIds

    _hold_to(cores)
    store = TokenStore.open(data)
    ids = SpecialIds.of(store.tokenizer())
    objective = PretrainingObjective(max_length=LENGTH, masking=masking)
    batches = PretrainingBatches(store.train, ids, objective, seed=0, batch_size=ROWS)

    def step() -> None:
        for number in range(_BATCHES):
            batches(number)

    return step


def _collator(data: str, masking: Masking, form: str, cores: set[int]) -> Step:
    import torch

    _hold_to(cores)
    torch.set_num_threads(1)
    collate, parts = collator_and_rows(data, masking, form)

    def step() -> None:
        for part in parts:
            collate(part)

    return step


def collator_and_rows(
    data: str | Path, masking: Masking, form: str, batches: int = _BATCHES
) -> tuple[Callable[[list[Any]], Any], list[list[Any]]]:
    """The peer, and the rows of so many batches.

    Args:
      data: a token store, whose first tokens the rows are cut from.
      masking: `piece` or `whole_word`.
      form: of `FORMS`; of whole words the first.
      batches: how many.
    """
    import torch
    from transformers import DataCollatorForLanguageModeling, PreTrainedTokenizerFast

    from data_pipeline.store.token_store import TokenStore

    store = TokenStore.open(data)
    names = {f"{name}_token": f"[{name.upper()}]" for name in ("pad", "unk", "cls", "sep", "mask")}
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_file=str(Path(data) / "tokenizer" / "tokenizer.json"), **names
    )
    whole_words = masking == "whole_word"
    with warnings.catch_warnings():
        # Of whole words: that it knows no random tokens there.
        warnings.simplefilter("ignore")
        collate = DataCollatorForLanguageModeling(
            tokenizer, mlm=True, whole_word_mask=whole_words, return_tensors="pt"
        )
    ours = store.tokenizer()
    text = LENGTH - 2
    tokens = np.asarray(store.train.tokens[: batches * ROWS * text]).reshape(-1, text)
    ids = np.pad(tokens.astype(np.int64), ((0, 0), (1, 1)))
    ids[:, 0], ids[:, -1] = ours.cls_id, ours.sep_id
    rows: list[Any] = ids.tolist()
    if form == "tensors":
        rows = [torch.tensor(row) for row in rows]
    elif form == "dicts":
        rows = _dicts(ids, ours.continues_word if whole_words else None)
    return collate, [rows[i : i + ROWS] for i in range(0, len(rows), ROWS)]


def _dicts(
    ids: npt.NDArray[np.int64], continues_word: npt.NDArray[np.bool_] | None
) -> list[dict[str, Any]]:
    """Rows as a tokeniser of Hugging Face returns them; with places in the text for whole words."""
    special = [1, *[0] * (LENGTH - 2), 1]
    rows = [
        {
            "input_ids": row,
            "token_type_ids": [0] * LENGTH,
            "attention_mask": [1] * LENGTH,
            "special_tokens_mask": special,
        }
        for row in ids.tolist()
    ]
    if continues_word is None:
        return rows
    # Tokens of three letters each, and a space before each word.
    starts = np.cumsum(np.where(continues_word[ids], 3, 4), axis=1)
    for row, offsets in zip(rows, np.stack((starts, starts + 3), axis=-1).tolist(), strict=True):
        row["offset_mapping"] = offsets
    return rows


def _hold_to(cores: set[int]) -> None:
    if cores:
        os.sched_setaffinity(0, cores)


def _row(name: str, peer: str | None, value: float, found: float | None) -> Row:
    return {"name": name, "peer": peer, "value": value, "unit": "slots/s", "ratio": found}

"""Batches of 32 x 128 on one core, beside Hugging Face's collator, in turns.

The peer is `DataCollatorForLanguageModeling` with PyTorch tensors over rows that are tokenised and
cut to 128 already: it masks them and makes tensors, and knows no sentence pairs. Ours makes pairs
as well.
"""

from __future__ import annotations

import importlib.util
import itertools
import os
import statistics
from pathlib import Path
from typing import Any

import numpy as np

from bert_jax.benchmarks.turns import Step, contestants, in_turns, ratio
from bert_jax.errors import UserError

Row = dict[str, Any]
ROWS, LENGTH = 32, 128
_DISTINCT_BATCHES = 50


def run(data: str | Path, rounds: int = 5, steps: int = 200) -> list[Row]:
    """Rows `name peer value unit ratio`, in slots (rows x length) a second.

    Args:
      data: a token store, whose tokeniser and tokens both sides use.
      rounds: turns that are counted.
      steps: batches of a turn.

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
    one_thread = {**os.environ, "OMP_NUM_THREADS": "1"}
    makers = [(make, (str(data), cores), one_thread) for make in (_ours, _collator)]
    with contestants(*makers) as entrants:
        ours, theirs = in_turns(entrants, rounds, steps)
    name = f"batches {ROWS} x {LENGTH} with masks" + (", one core" if cores else "")
    peer = "transformers' DataCollatorForLanguageModeling"
    slots = ROWS * LENGTH
    return [
        _row(name, None, slots / statistics.median(ours), None),
        _row(name, peer, slots / statistics.median(theirs), ratio(ours, theirs)),
    ]


def _ours(data: str, cores: set[int]) -> Step:
    from data_pipeline.batches import PretrainingBatches
    from data_pipeline.objective import PretrainingObjective
    from data_pipeline.store.token_store import TokenStore
    from data_pipeline.tokenization.special_ids import SpecialIds

    _hold_to(cores)
    store = TokenStore.open(data)
    ids = SpecialIds.of(store.tokenizer())
    objective = PretrainingObjective(max_length=LENGTH)
    batches = PretrainingBatches(store.train, ids, objective, seed=0, batch_size=ROWS)
    numbers = itertools.cycle(range(_DISTINCT_BATCHES))
    return lambda: _ignore(batches(next(numbers)))


def _collator(data: str, cores: set[int]) -> Step:
    import torch
    from transformers import DataCollatorForLanguageModeling, PreTrainedTokenizerFast

    from data_pipeline.store.token_store import TokenStore

    _hold_to(cores)
    torch.set_num_threads(1)
    store = TokenStore.open(data)
    names = {f"{name}_token": f"[{name.upper()}]" for name in ("pad", "unk", "cls", "sep", "mask")}
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_file=str(Path(data) / "tokenizer" / "tokenizer.json"), **names
    )
    collate = DataCollatorForLanguageModeling(tokenizer, mlm=True, return_tensors="pt")
    text = LENGTH - 2
    ours = store.tokenizer()
    tokens = np.asarray(store.train.tokens[: _DISTINCT_BATCHES * ROWS * text]).reshape(-1, text)
    rows = [{"input_ids": [ours.cls_id, *row, ours.sep_id]} for row in tokens.tolist()]
    parts = itertools.cycle([rows[i : i + ROWS] for i in range(0, len(rows), ROWS)])
    return lambda: _ignore(collate(next(parts)))


def _hold_to(cores: set[int]) -> None:
    if cores:
        os.sched_setaffinity(0, cores)


def _ignore(_: Any) -> None:
    pass


def _row(name: str, peer: str | None, value: float, found: float | None) -> Row:
    return {"name": name, "peer": peer, "value": value, "unit": "slots/s", "ratio": found}

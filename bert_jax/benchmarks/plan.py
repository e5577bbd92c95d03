"""How fast the plan of an epoch of a large store is made on one core, and in how much memory."""

from __future__ import annotations

import multiprocessing
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np

from bert_jax.benchmarks.batches import one_core
from bert_jax.errors import UserError
from data_pipeline.objective import PretrainingObjective
from data_pipeline.plans.cache import cached_count, cached_plan
from data_pipeline.plans.sentence_pairs import make_plan
from data_pipeline.store.token_store import Split, TokenStore
from data_pipeline.store.writer import EncodedPart, new_store
from data_pipeline.tokenization.tokenizer import load_tokenizer

Row = dict[str, Any]
T = TypeVar("T")

SENTENCES = 10_000_000
# The paper's two phases, and the other pairs at the lengths of their papers.
OBJECTIVES = (
    PretrainingObjective(max_length=128),
    PretrainingObjective(max_length=512),
    PretrainingObjective(max_length=512, pairs="sentence_order"),
    PretrainingObjective(max_length=512, pairs="none"),
)

# Of encyclopedia articles and novels, in WordPiece of 30,522 words: tokens a sentence (mean 29) and
# sentences a document (mean 26), both log-normal.
_TOKENS = (3.12, 0.74)
_DOCUMENT = (2.54, 1.2)
_LONGEST = 2000
_PART = 1_000_000  # sentences written at once


class Measured(NamedTuple):
    """What one part took, in a process of its own."""

    seconds: float
    cpu_seconds: float
    peak: int  # bytes resident at most, the program and what it has mapped included


def run(
    data: str | Path | None = None,
    sentences: int = SENTENCES,
    objectives: tuple[PretrainingObjective, ...] = OBJECTIVES,
) -> list[Row]:
    """Rows for opening the store, counting and planning with each objective, on one core.

    Each part runs in a new process. The plan is made twice: in memory, and as a run does it, kept
    in a file. CPU time is what other load on the machine disturbs least. The store has just been
    written or read, so that its offsets are in the system's cache.

    Args:
      data: a token store; a made-up one of `sentences` where not given.
      sentences: of the made-up store.
      objectives: what is planned.
    """
    rows = []
    with one_core() as cores, _folder(data, sentences) as (store, plans):
        count = TokenStore.open(store).train.num_sentences

        def add(name: str, measured: Measured, rate: bool = True) -> None:
            name = f"{name}, {cores}"
            rows.append(_row(name, measured.seconds, "s"))
            rows.append(_row(f"{name}, CPU time", measured.cpu_seconds, "s"))
            if rate:
                rows.append(_row(f"{name}, rate", count / measured.seconds, "sentences/s"))
            rows.append(_row(f"{name}, peak memory", measured.peak, "bytes"))

        add(f"opening {count:,} sentences", _apart(_opening, store), rate=False)
        for objective in objectives:
            of = f"{objective.pairs} at {objective.max_length}"
            add(f"count of examples, {of}", _apart(_counting, store, plans, objective))
            add(f"plan of an epoch, {of}", _apart(_planning, store, plans, objective))
            add(f"plan in a file, {of}", _apart(_keeping, store, plans, objective))
    return rows


def made_up_store(path: Path, sentences: int) -> TokenStore:
    """A store of so many sentences, as long and in documents as large as in real text.

    All tokens are 0: a plan never looks at them.
    """
    with tempfile.TemporaryDirectory() as folder:
        vocabulary = Path(folder) / "vocab.txt"
        vocabulary.write_text("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\n", "utf-8")
        tokenizer = load_tokenizer(vocabulary, cased=False)
    rng = np.random.default_rng(0)
    with new_store(path, tokenizer) as writer:
        writer.splits["eval"].append(_part(rng, 100))
        for done in range(0, sentences, _PART):
            writer.splits["train"].append(_part(rng, min(_PART, sentences - done)))
        return writer.finish({"sources": []})


def _part(rng: np.random.Generator, sentences: int) -> EncodedPart:
    tokens = np.clip(rng.lognormal(*_TOKENS, sentences), 1, _LONGEST).astype(np.int64)
    ends = np.cumsum(np.ceil(rng.lognormal(*_DOCUMENT, sentences)).astype(np.int64))
    ends = np.append(ends[ends < sentences], sentences)
    return EncodedPart(
        np.zeros(tokens.sum(), np.uint16), tokens, np.diff(ends, prepend=0), {"words": 0}
    )


@contextmanager
def _folder(data: str | Path | None, sentences: int) -> Iterator[tuple[Path, Path]]:
    """A store, and an empty folder for its plans, which is removed afterwards."""
    with tempfile.TemporaryDirectory(prefix="bert-jax-benchmark-") as name:
        folder = Path(name)
        store = folder / "store" if data is None else Path(data)
        if data is None:
            # Tokens, offsets and plans: below 120 bytes a sentence.
            free, needed = shutil.disk_usage(folder).free, 120 * sentences
            if free < needed:
                raise UserError(
                    f"{folder.parent}: a made-up store of {sentences:,} sentences and its plans "
                    f"need {needed / 1e9:.1f} GB there, and {free / 1e9:.1f} are free; set TMPDIR "
                    "to a larger disk, or name fewer --sentences"
                )
            made_up_store(store, sentences)
        yield store, folder / "plans"


def _apart(work: Callable[..., T], *arguments: Any) -> T:
    """What `work` returns in a process of its own, whose memory nothing else has touched."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(work, *arguments).result()


def _opening(store: Path) -> Measured:
    return _measured(lambda: TokenStore.open(store))


def _counting(store: Path, plans: Path, objective: PretrainingObjective) -> Measured:
    split = _train(store)
    return _measured(lambda: cached_count(split, objective, plans))


def _planning(store: Path, plans: Path, objective: PretrainingObjective) -> Measured:
    split = _train(store)
    count = cached_count(split, objective, plans)
    return _measured(lambda: make_plan(split, objective, 0, 0, num_examples=count))


def _keeping(store: Path, plans: Path, objective: PretrainingObjective) -> Measured:
    split = _train(store)
    return _measured(lambda: cached_plan(split, objective, 0, 0, plans))


def _train(store: Path) -> Split:
    return TokenStore.open(store).train


def _measured(work: Callable[[], object]) -> Measured:
    began, cpu_began = time.perf_counter(), time.process_time()
    work()
    seconds, cpu_seconds = time.perf_counter() - began, time.process_time() - cpu_began
    return Measured(seconds, cpu_seconds, _peak_memory())


def _peak_memory() -> int:
    """The most bytes of this process that were ever resident."""
    try:
        with open("/proc/self/status", encoding="ascii") as lines:
            # Unlike `getrusage`, this begins anew with a new program.
            [line] = [line for line in lines if line.startswith("VmHWM:")]
        return int(line.split()[1]) * 1024
    except (OSError, ValueError):
        import resource

        largest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return largest if sys.platform == "darwin" else largest * 1024


def _row(name: str, value: float, unit: str) -> Row:
    return {"name": name, "peer": None, "value": value, "unit": unit, "ratio": None}

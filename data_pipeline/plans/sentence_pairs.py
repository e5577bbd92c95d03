"""The plan of an epoch: which stretches of tokens make which example, in the order of training.

The examples are those of the original's walk through all documents (`document_walk`), or, without
pairs, of one round through all sentences (`full_sentences`), shuffled. The number of examples of a
walk is random. Here every epoch has the same number, that of a reference walk with seed 0, so that
a step's place in its epoch is arithmetic: a walk that gives more is cut after shuffling, and one
that gives less is followed by further visits, from a random place on.

A walk keeps two to four bytes an example. When it is over, so that the number of examples and with
it their order is known, each example is made and put in its place: nothing but the plan itself, 24
bytes an example, is ever held in whole, beside four bytes an example for the order.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from data_pipeline.counter_random import Stream, below, permutation, random_bits, stream_key
from data_pipeline.objective import PretrainingObjective
from data_pipeline.plans import document_walk, full_sentences
from data_pipeline.plans.corpus import Corpus
from data_pipeline.plans.document_walk import EXAMPLE, Chunks
from data_pipeline.plans.full_sentences import Stretches
from data_pipeline.store.token_store import Split

Examples = npt.NDArray[np.void]
"""[N] of type `document_walk.EXAMPLE`."""

_REFERENCE_SEED = 0
# Elements of the order handled at once.
_PIECE = 1 << 16

_Piece: TypeAlias = Chunks | Stretches


@dataclass(frozen=True, eq=False)
class Plan:
    """The examples of one epoch in the order of training: `examples` is [N] of type EXAMPLE."""

    examples: Examples

    def __len__(self) -> int:
        return len(self.examples)

    @property
    def a_start(self) -> npt.NDArray[np.int64]:
        """First token of A in the split, [N]; the stretches are contiguous."""
        return self.examples["a_start"]

    @property
    def a_length(self) -> npt.NDArray[np.uint16]:
        """Tokens of A, at least 1, [N]."""
        return self.examples["a_length"]

    @property
    def b_start(self) -> npt.NDArray[np.int64]:
        """First token of B in the split, [N]; 0 without pairs."""
        return self.examples["b_start"]

    @property
    def b_length(self) -> npt.NDArray[np.uint16]:
        """Tokens of B, at least 1, [N]; 0 without pairs."""
        return self.examples["b_length"]

    @property
    def label(self) -> npt.NDArray[np.uint32]:
        """What there is to tell of each example, [N]; see `document_walk.EXAMPLE`."""
        return self.examples["label"]


def make_plan(
    split: Split,
    objective: PretrainingObjective,
    seed: int,
    epoch: int,
    num_examples: int | None = None,
) -> Plan:
    """The plan of an epoch: a pure function of its arguments.

    Args:
        split: the documents; at least two of them where B may be from another one.
        objective: pairs, lengths and rates; masks do not matter.
        seed: of the run.
        epoch: 0, 1, ...; with static epochs, the plan is that of `objective.epoch_of(epoch)`.
        num_examples: `count_examples(split, objective)` where it is known, to save counting.

    Raises:
        DataError: the split has no text for such pairs: fewer than two documents
            (`next_sentence`), no document of two tokens (`sentence_order`), or nothing at all.
    """
    corpus = Corpus.of(split, objective.pairs)
    epoch = objective.epoch_of(epoch)
    wanted = _count(corpus, objective) if num_examples is None else num_examples
    pieces = list(_visits(corpus, objective, seed, epoch, wanted))
    made = sum(map(len, pieces))
    rank = _ranks(stream_key(seed, Stream.SHUFFLE, epoch), made)
    # As plain bytes: numpy would copy a record field by field.
    examples = np.empty(made, EXAMPLE)
    places = examples.view(f"V{EXAMPLE.itemsize}")
    done = 0
    for piece in pieces:
        places[rank[done : done + len(piece)]] = piece.examples().view(places.dtype)
        done += len(piece)
    return Plan(examples[:wanted])


def count_examples(split: Split, objective: PretrainingObjective) -> int:
    """The number of examples of an epoch: what a reference walk (seed 0, epoch 0) gives.

    DataError as for `make_plan`.
    """
    return _count(Corpus.of(split, objective.pairs), objective)


def _count(corpus: Corpus, objective: PretrainingObjective) -> int:
    return sum(map(len, _visit(corpus, objective, _REFERENCE_SEED, epoch=0)))


def _visits(
    corpus: Corpus, objective: PretrainingObjective, seed: int, epoch: int, wanted: int
) -> Iterator[_Piece]:
    """One walk, and then as much of further ones as it takes to have `wanted` examples."""
    made = 0
    for piece in _visit(corpus, objective, seed, epoch):
        yield piece
        made += len(piece)
    visit = 0
    while made < wanted:
        visit += 1
        for piece in _visit(corpus, objective, seed, epoch, visit):
            yield piece.head(wanted - made)
            made += len(piece)
            if made >= wanted:
                return


def _visit(
    corpus: Corpus, objective: PretrainingObjective, seed: int, epoch: int, visit: int = 0
) -> Iterator[_Piece]:
    if not objective.has_pairs:
        return full_sentences.walk(corpus, objective, seed, epoch, visit)
    first = 0
    if visit == 1:
        # The first further visit starts at any document, so that none is favoured.
        bits = random_bits(stream_key(seed, Stream.FURTHER_VISITS, epoch), np.array([0]))
        first = int(corpus.starts[below(bits, corpus.num_documents)[0]])
    return document_walk.walk(corpus, objective, seed, epoch, visit, first)


def _ranks(key: int, count: int) -> npt.NDArray[np.integer]:
    """The place in a random order of each of `count` things, [count]."""
    order = permutation(key, count)
    rank: npt.NDArray[np.integer]
    rank = np.empty(count, np.uint32) if count <= 1 << 32 else np.empty(count, np.int64)
    for lo in range(0, count, _PIECE):
        part = order[lo : lo + _PIECE]
        rank[part] = np.arange(lo, lo + len(part))
    return rank

"""The plan of an epoch: which stretches of tokens make which example, in the order of training.

The examples are those of the original's walk through all documents (`document_walk`), shuffled.
The number of examples of a walk is random. Here every epoch has the same number, that of a
reference walk with seed 0, so that a step's place in its epoch is arithmetic: a walk that gives
more is cut after shuffling, and one that gives less is followed by further visits to documents,
from a random one on.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from data_pipeline.counter_random import Stream, below, permutation, random_bits, stream_key
from data_pipeline.document_walk import EXAMPLE, Corpus, walk
from data_pipeline.objective import PretrainingObjective
from data_pipeline.token_store import Split

Examples = npt.NDArray[np.void]
"""[N] of type `document_walk.EXAMPLE`."""

_REFERENCE_SEED = 0


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
        """First token of B in the split, [N]."""
        return self.examples["b_start"]

    @property
    def b_length(self) -> npt.NDArray[np.uint16]:
        """Tokens of B, at least 1, [N]."""
        return self.examples["b_length"]

    @property
    def label(self) -> npt.NDArray[np.uint32]:
        """0 where B follows A, 1 where it is from another document, [N]."""
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
        split: the documents; at least two of them.
        objective: the lengths and rates.
        seed: of the run.
        epoch: 0, 1, ...
        num_examples: `count_examples(split, objective)` where it is known, to save counting.

    Raises:
        DataError: the split has fewer than two documents with text.
    """
    corpus = Corpus.of(split)
    wanted = count_examples(split, objective) if num_examples is None else num_examples
    # Walks differ by a few hundredths; untouched room at the end costs no memory.
    examples = np.empty(wanted + wanted // 16 + 64, EXAMPLE)
    made = 0
    for piece in _visits(corpus, objective, seed, epoch, wanted):
        if made + len(piece) > len(examples):
            examples = np.concatenate((examples, np.empty_like(examples), piece))
        examples[made : made + len(piece)] = piece
        made += len(piece)
    order = permutation(stream_key(seed, Stream.SHUFFLE, epoch), made)[:wanted]
    return Plan(examples.take(order))


def count_examples(split: Split, objective: PretrainingObjective) -> int:
    """The number of examples of an epoch: what a reference walk (seed 0, epoch 0) gives."""
    corpus = Corpus.of(split)
    chunks = walk(corpus, objective, _REFERENCE_SEED, epoch=0)
    return sum(len(piece.first) for piece in chunks)


def _visits(
    corpus: Corpus, objective: PretrainingObjective, seed: int, epoch: int, wanted: int
) -> Iterator[Examples]:
    """One walk, and then as much of further ones as it takes to have `wanted` examples."""
    made = 0
    for chunks in walk(corpus, objective, seed, epoch):
        yield chunks.examples()
        made += len(chunks.first)
    # The first further visit starts at any document, so that none is favoured.
    bits = random_bits(stream_key(seed, Stream.FURTHER_VISITS, epoch), np.array([0]))
    first = int(corpus.starts[below(bits, corpus.num_documents)[0]])
    visit = 1
    while made < wanted:
        for chunks in walk(corpus, objective, seed, epoch, visit, first):
            yield chunks.examples()[: wanted - made]
            made += len(chunks.first)
            if made >= wanted:
                return
        visit += 1
        first = 0

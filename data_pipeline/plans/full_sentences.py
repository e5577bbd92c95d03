"""RoBERTa's full sentences, vectorised: stretches of whole sentences that go on across documents.

A stretch takes as many sentences as fit, counting one more [SEP] for each document that ends
inside it (arXiv 1907.11692, 4.2, FULL-SENTENCES), or, with probability `short_seq_prob`, as many as
fit in a shorter, random length. A sentence that is longer than a row is cut there, and what is
left of it begins the next stretch: no text is lost, where dropping the rest would take most of a
corpus whose sentences could not be told apart.

A visit goes round the split once, from a random sentence to the last and on from the first one, so
that every token is in it once. Two walks over the same text soon meet at a sentence and agree from
there on, until one of them draws a short length: it is these that move the boundaries all over the
text from epoch to epoch. Without them (`short_seq_prob` 0) epochs differ in their order, and in
their stretches around the start alone.

Every draw is a function of (seed, epoch, visit, first token of the stretch), so the stretch that
*would* start at each sentence is computed for all at once, as in `document_walk`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from data_pipeline.counter_random import Stream, below, random_bits, stream_key
from data_pipeline.objective import PretrainingObjective
from data_pipeline.plans.chain import follow
from data_pipeline.plans.corpus import Corpus
from data_pipeline.plans.document_walk import EXAMPLE, drawn_lengths

Ints = npt.NDArray[np.int64]

# Sentences handled at once: the arrays of one piece stay in the processor's cache.
_PIECE = 1 << 15


@dataclass(frozen=True, eq=False)
class Stretches:
    """Stretches that follow each other in a split. Two bytes each."""

    corpus: Corpus
    documents: slice  # at least those that the stretches touch
    start: int  # first token of the first
    lengths: npt.NDArray[np.uint16]  # tokens of each, [C]

    def __len__(self) -> int:
        return len(self.lengths)

    def head(self, count: int) -> Stretches:
        """The first `count` of them."""
        return replace(self, lengths=self.lengths[:count])

    def examples(self) -> npt.NDArray[np.void]:
        """The examples of these stretches, [C] of type EXAMPLE."""
        end = self.start + np.cumsum(self.lengths, dtype=np.int64)
        start = end - self.lengths
        document_ends = self.corpus.offsets.take(self.corpus.ends[self.documents])
        result = np.zeros(len(self), EXAMPLE)
        result["a_start"] = start
        result["a_length"] = self.lengths
        result["label"] = np.searchsorted(document_ends, end)
        result["label"] -= np.searchsorted(document_ends, start, side="right").astype(np.uint32)
        return result


def walk(
    corpus: Corpus, objective: PretrainingObjective, seed: int, epoch: int, visit: int = 0
) -> Iterator[Stretches]:
    """Once round the split from a random sentence on, in pieces that fit the cache."""
    num_sentences = len(corpus.offsets) - 1
    bits = random_bits(stream_key(seed, Stream.STRETCH_START, epoch, visit), np.array([0]))
    start = int(below(bits, num_sentences)[0])
    key = stream_key(seed, Stream.STRETCH_LENGTH, epoch, visit)
    yield from _between(corpus, objective, key, start, num_sentences)
    yield from _between(corpus, objective, key, 0, start)


def _between(
    corpus: Corpus, objective: PretrainingObjective, key: int, first: int, stop: int
) -> Iterator[Stretches]:
    """The stretches of the sentences `first` up to `stop`."""
    longest = objective.max_tokens
    sentence, token = first, int(corpus.offsets[first])
    while sentence < stop:
        # No stretch that starts in this piece goes on for more sentences than tokens.
        hi = min(sentence + _PIECE, stop)
        beyond = min(hi + longest, stop)
        sentence_bounds = corpus.offsets[sentence : beyond + 1].copy()
        sentence_bounds[0] = token
        documents = corpus.documents_of(sentence, beyond)
        repeats = np.minimum(corpus.ends[documents], beyond)
        repeats -= np.maximum(corpus.starts[documents], sentence)
        bounds, document = _cut(
            sentence_bounds, np.repeat(np.arange(len(repeats)), repeats), longest
        )
        # A stretch from part i up to part j takes last[j - 1] - start[i] places.
        last, start = bounds[1:] + document, bounds[:-1] + document
        count = int(np.searchsorted(bounds, sentence_bounds[hi - sentence]))
        room = drawn_lengths(random_bits(key, bounds[:count]), objective)
        room += start[:count]
        steps = np.searchsorted(last, room, side="right")
        steps -= np.arange(count)
        np.maximum(steps, 1, out=steps)
        chosen, leave = follow(steps, 0)
        edges = bounds.take(np.append(chosen, leave))
        yield Stretches(corpus, documents, token, np.diff(edges).astype(np.uint16))
        token = int(edges[-1])
        sentence += int(np.searchsorted(sentence_bounds, token, side="right")) - 1


def _cut(bounds: Ints, document: Ints, longest: int) -> tuple[Ints, Ints]:
    """The same with sentences longer than `longest` cut into parts of it and a rest.

    Args:
        bounds: [S + 1] of sentences.
        document: [S].
        longest: in tokens.

    Returns:
        Both for the parts, [P + 1] and [P].
    """
    length = np.diff(bounds)
    long = np.flatnonzero(length > longest)
    if not len(long):
        return bounds, document
    cuts = (length[long] - 1) // longest
    at = np.repeat(long, cuts)
    number = np.arange(len(at)) - np.repeat(np.cumsum(cuts) - cuts, cuts) + 1
    return (
        np.insert(bounds, at + 1, bounds[at] + number * longest),
        np.insert(document, at, document[at]),
    )

"""The original's pairs, one sentence after another in plain Python, to compare ours with.

Written from the rules (arXiv 1810.04805 A.2, and the description of `create_pretraining_data.py`),
apart from the vectorised plan: lists of tokens, one step at a time. Where randomness comes from is
a parameter: one source of draws is a sequential generator, as in the original; the other gives the
numbers that the plan would take from its counters, so that both can be compared exactly.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from data_pipeline.counter_random import Stream, random_bits, stream_key

Tokens = list[int]
Document = list[Tokens]


@dataclass(frozen=True)
class Pair:
    document: int
    a: Tokens
    b: Tokens
    label: int
    collected: int  # sentences collected in the chunk
    target: int


class Draws(Protocol):
    """Every random decision; `sentence` is the number in the corpus of a chunk's first one."""

    def target(self, document: int, longest: int, short_seq_prob: float) -> int: ...
    def a_size(self, sentence: int, collected: int) -> int: ...
    def takes_random(self, sentence: int) -> bool: ...
    def other_document(self, sentence: int, own: int, documents: int) -> int: ...
    def start(self, sentence: int, sentences: int) -> int: ...
    def drops_front(self, sentence: int, side: str, number: int) -> bool: ...


class SequentialDraws:
    """As in the original: whatever is asked next takes the generator's next number."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)

    def target(self, document: int, longest: int, short_seq_prob: float) -> int:
        return self.rng.randint(2, longest) if self.rng.random() < short_seq_prob else longest

    def a_size(self, sentence: int, collected: int) -> int:
        return self.rng.randint(1, collected - 1)

    def takes_random(self, sentence: int) -> bool:
        return self.rng.random() < 0.5

    def other_document(self, sentence: int, own: int, documents: int) -> int:
        return self.rng.choice([d for d in range(documents) if d != own])

    def start(self, sentence: int, sentences: int) -> int:
        return self.rng.randrange(sentences)

    def drops_front(self, sentence: int, side: str, number: int) -> bool:
        return self.rng.random() < 0.5


class CounterDraws:
    """The numbers of a plan's own streams, one at a time and with Python's integers."""

    def __init__(self, seed: int, epoch: int, visit: int = 0) -> None:
        self.context = seed, epoch, visit

    def bits(self, stream: Stream, counter: int) -> int:
        seed, epoch, visit = self.context
        key = stream_key(seed, stream, epoch, visit)
        return int(random_bits(key, np.array([counter]))[0])

    def target(self, document: int, longest: int, short_seq_prob: float) -> int:
        high, low = divmod(self.bits(Stream.TARGET_LENGTH, document), 2**32)
        return 2 + low * (longest - 1) // 2**32 if high / 2**32 < short_seq_prob else longest

    def a_size(self, sentence: int, collected: int) -> int:
        return 1 + (self.bits(Stream.SPLIT_CHUNK, sentence) >> 32) * (collected - 1) // 2**32

    def takes_random(self, sentence: int) -> bool:
        return self.bits(Stream.SPLIT_CHUNK, sentence) % 2 == 1

    def other_document(self, sentence: int, own: int, documents: int) -> int:
        drawn = self.bits(Stream.PARTNER_DOCUMENT, sentence) * (documents - 1) >> 64
        return drawn + (drawn >= own)

    def start(self, sentence: int, sentences: int) -> int:
        return self.bits(Stream.PARTNER_SENTENCE, sentence) * sentences >> 64

    def drops_front(self, sentence: int, side: str, number: int) -> bool:
        word, place = divmod(number, 64)
        bits = self.bits(Stream.TRUNCATE_A if side == "a" else Stream.TRUNCATE_B, sentence)
        if word:
            bits = int(random_bits(bits, np.array([word]))[0])
        return bits >> place & 1 == 1


def original_pairs(
    documents: list[Document],
    max_length: int,
    short_seq_prob: float,
    draws: Draws,
    sentence_order: bool = False,
) -> Iterator[Pair]:
    """One visit to every document, in order. Empty sentences and documents are dropped first.

    With `sentence_order` nothing is drawn from elsewhere: a chunk's parts may change places
    (arXiv 1909.11942), and a chunk of one sentence is split inside it.
    """
    documents = [[sentence for sentence in document if sentence] for document in documents]
    documents = [document for document in documents if document]
    longest = max_length - 3
    before = 0  # sentences of the documents before this one
    for own, document in enumerate(documents):
        target = draws.target(own, longest, short_seq_prob)
        at = 0
        while at < len(document):
            first, chunk = before + at, []
            while at < len(document):
                chunk.append(document[at])
                at += 1
                if sum(map(len, chunk)) >= target:
                    break
            collected = len(chunk)
            a_size = draws.a_size(first, collected) if collected > 1 else 1
            a = [token for sentence in chunk[:a_size] for token in sentence]
            b: Tokens = []
            if sentence_order:
                if collected == 1:
                    if len(a) == 1:
                        continue
                    cut = draws.a_size(first, len(a))
                    a, b = a[:cut], a[cut:]
                else:
                    b = [token for sentence in chunk[a_size:] for token in sentence]
                label = int(draws.takes_random(first))
                if label:
                    a, b = b, a
            elif collected == 1 or draws.takes_random(first):
                label = 1
                other = documents[draws.other_document(first, own, len(documents))]
                for sentence in other[draws.start(first, len(other)) :]:
                    b.extend(sentence)
                    if len(b) >= target - len(a):
                        break
                at -= collected - a_size  # the sentences not used go back
            else:
                label = 0
                b = [token for sentence in chunk[a_size:] for token in sentence]
            _truncate(a, b, longest, first, draws)
            yield Pair(own, a, b, label, collected, target)
        before += len(document)


def _truncate(a: Tokens, b: Tokens, longest: int, first: int, draws: Draws) -> None:
    dropped = {"a": 0, "b": 0}
    while len(a) + len(b) > longest:
        side, tokens = ("a", a) if len(a) > len(b) else ("b", b)
        if draws.drops_front(first, side, dropped[side]):
            del tokens[0]
        else:
            tokens.pop()
        dropped[side] += 1

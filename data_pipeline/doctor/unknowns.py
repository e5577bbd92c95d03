"""Which words and characters became [UNK]: read again in the text, where that is still there.

A store does not know it: an unknown word has left nothing but its [UNK].
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np

from data_pipeline.documents import units_of
from data_pipeline.documents.inputs import open_sources
from data_pipeline.errors import DataError
from data_pipeline.store.token_store import Split
from data_pipeline.tokenization.text_tokenizer import TextTokenizer

MOST_BYTES = 4 << 20
# Distinct unknown words whose characters are looked at one by one.
_MOST_WORDS = 5000
_CONTEXT = 6
_WORD = re.compile(r"\w+|[^\w\s]")


@dataclass(frozen=True)
class Unknowns:
    """What became [UNK] in the beginning of the inputs.

    Attributes:
        inputs: that were read again.
        count: of words with [UNK] in them.
        words: the commonest of them, with how often they came.
        characters: those that the vocabulary does not hold, with how often they came in the words.
        lower_case_share: of the words, those that would be known in lower case.
        accents_share: of the words, those that would be known without accents.
    """

    inputs: tuple[str, ...]
    count: int
    words: tuple[tuple[str, int], ...]
    characters: tuple[tuple[str, int], ...]
    lower_case_share: float
    accents_share: float


def unknown_words(
    sources: Sequence[Mapping[str, Any]],
    tokenizer: TextTokenizer,
    max_bytes: int = MOST_BYTES,
    shown: int = 10,
) -> Unknowns | None:
    """Looks for unknown words in the text files that a manifest names.

    Args:
        sources: of the manifest.
        tokenizer: the store's.
        max_bytes: of each input, how much is read at most.
        shown: how many words and characters to give.

    Returns:
        None where no input is there any more, or none of those read has an unknown word.
    """
    inputs, counts = [], Counter[str]()
    for source in sources:
        name = source.get("input")
        if source.get("kind") != "text" or not isinstance(name, str):
            continue
        try:
            for text in _text_of(name, max_bytes):
                counts.update(_WORD.findall(text))
        except (DataError, OSError):
            continue
        inputs.append(name)
    unknown = Counter({word: counts[word] for word in _unknown(sorted(counts), tokenizer)})
    total = unknown.total()
    if not total:
        return None
    looked_at = dict(unknown.most_common(_MOST_WORDS))
    missing = set(_unknown(sorted(set("".join(looked_at))), tokenizer))
    characters: Counter[str] = Counter()
    for word, n in looked_at.items():
        for character in missing & set(word):
            characters[character] += n
    return Unknowns(
        tuple(inputs),
        total,
        _commonest(unknown, shown),
        _commonest(characters, shown),
        _helped(looked_at, tokenizer, str.lower),
        _helped(looked_at, tokenizer, _without_accents),
    )


def unknown_contexts(split: Split, tokenizer: TextTokenizer, number: int = 5) -> tuple[str, ...]:
    """Unknown words with what stands around them, spread over the split."""
    places = np.flatnonzero(np.asarray(split.tokens) == tokenizer.unk_id)
    if not len(places):
        return ()
    chosen = places[np.unique(np.linspace(0, len(places) - 1, number).astype(np.int64))]
    offsets = split.sentence_offsets
    sentences = np.searchsorted(offsets, chosen, side="right") - 1
    texts = []
    for place, sentence in zip(chosen.tolist(), sentences.tolist(), strict=True):
        lo = max(int(offsets[sentence]), place - _CONTEXT)
        hi = min(int(offsets[sentence + 1]), place + _CONTEXT + 1)
        texts.append(tokenizer.decode([int(i) for i in split.tokens[lo:hi]]))
    return tuple(dict.fromkeys(texts))


def _text_of(name: str, max_bytes: int) -> Iterator[str]:
    left = max_bytes
    for unit in units_of(open_sources([name], "sentence"), lambda _: None):
        for document in unit.parse(unit.content).documents:
            yield "\n".join(document)
        left -= len(unit.content)
        if left <= 0:
            return


def _unknown(texts: Sequence[str], tokenizer: TextTokenizer) -> Iterator[str]:
    """Those of the texts that hold an [UNK] when they are encoded."""
    rest = iter(texts)
    while some := list(islice(rest, 4096)):
        for text, ids in zip(some, tokenizer.encode_batch(some), strict=True):
            if tokenizer.unk_id in ids:
                yield text


def _helped(words: Mapping[str, int], tokenizer: TextTokenizer, change: Any) -> float:
    """The share of the words that `change` makes known."""
    changed = {word: change(word) for word in words}
    unknown = set(_unknown(sorted(set(changed.values())), tokenizer))
    known = sum(n for word, n in words.items() if changed[word] not in unknown)
    return known / sum(words.values())


def _without_accents(word: str) -> str:
    parts = unicodedata.normalize("NFD", word)
    return "".join(part for part in parts if unicodedata.category(part) != "Mn")


def _commonest(counts: Counter[str], number: int) -> tuple[tuple[str, int], ...]:
    """The commonest with their counts; ties in the order of the alphabet."""
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return tuple(ordered[:number])

"""Learning a WordPiece vocabulary.

Hugging Face's trainer does the merging. Left to itself it gives another vocabulary at every run:
equally rare characters, and the order of the `##` characters, follow a hash table, and ties between
merges follow that order. Here the words are counted first, the alphabet is chosen from the counts
and handed over sorted, so that nothing is left to chance (tested: order of the texts, number of
threads and of processes change nothing).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from itertools import islice

from tokenizers import Tokenizer as HFTokenizer
from tokenizers import models, pre_tokenizers, trainers

from data_pipeline.documents.inputs import DEFAULT_TEXT_KEY
from data_pipeline.documents.lines import LinesOption
from data_pipeline.errors import DataError
from data_pipeline.preparation.sources import Inputs
from data_pipeline.progress import Progress, silent
from data_pipeline.tokenization.files import PREFIX
from data_pipeline.tokenization.rules import LONGEST_WORD, UNSPACED, Rules, separated
from data_pipeline.tokenization.sentence_sample import HashSample, Learned, sample_of
from data_pipeline.tokenization.text_tokenizer import SPECIALS, UNK
from data_pipeline.tokenization.tokenizer import Tokenizer

DEFAULT_SIZE = 30522
# The special tokens, and one character with and without ##.
LEAST_SIZE = len(SPECIALS) + 2
# Characters are kept until they make up this share of the text: the rest are seen too rarely for
# their pieces to be learned, and each would take up to two places in the vocabulary.
CHARACTER_COVERAGE = 0.99995
# What the alphabet must cover where the vocabulary has no room for more: a word with a character
# left out is [UNK].
LEAST_COVERAGE = 0.995
_LEAST_PAIR_COUNT = 2
_UNSPACED = re.compile(f"[{UNSPACED}]")
# Distinct words kept while counting: beyond, the rarest go, so that memory stays bounded.
_MOST_WORDS = 4_000_000
# Running words handed to the trainer, which takes them one by one: above, counts are scaled down.
_MOST_RUNNING_WORDS = 100_000_000


def check_size(size: int) -> None:
    """DataError where no text at all has a vocabulary of this size: before any is read."""
    if size < LEAST_SIZE:
        raise DataError(
            f"a vocabulary must have room for {LEAST_SIZE} tokens at least, {len(SPECIALS)} of "
            f"them special; got a size of {size} (usual: {DEFAULT_SIZE})"
        )


def count_words(text: str, rules: Rules) -> Counter[str]:
    """How often each word occurs, as the tokeniser of these rules cuts and spells them.

    Distinct words are counted first. Those of plain letters and digits are as they should be; the
    others are normalised, those of equal count together. The counts are the same as of normalising
    the whole text, many times faster.
    """
    rough = Counter(separated(text.replace("\n", " "), rules).split(" "))
    counts: Counter[str] = Counter()
    same_count: dict[int, list[str]] = {}
    for word, count in rough.items():
        if word.isascii() and word.isalnum():
            if len(word) <= LONGEST_WORD:
                counts[word] = count
        else:
            same_count.setdefault(count, []).append(word)
    # Long runs are split here in any case: whether they will be depends on the vocabulary.
    pre_tokenizer = replace(rules, split_long_runs=True).pre_tokenizer()
    normalizer = rules.word_normalizer()
    for count, words in same_count.items():
        normal = normalizer.normalize_str(" ".join(words))
        for word, _ in pre_tokenizer.pre_tokenize_str(normal):
            if len(word) <= LONGEST_WORD:
                counts[word] += count
    return counts


def merge_counts(counts: Iterable[Counter[str]]) -> Counter[str]:
    """The sum of counts, of bounded size: a pure function of the counts and their order."""
    total: Counter[str] = Counter()
    for some in counts:
        total.update(some)
        least = 1
        while len(total) > _MOST_WORDS:
            total = Counter({word: n for word, n in total.items() if n > least})
            least *= 2
    return total


def vocabulary_of(counts: Counter[str], size: int = DEFAULT_SIZE) -> list[str]:
    """The WordPiece vocabulary of word counts: special tokens, characters, `##` characters, merges.

    It may have fewer than `size` tokens where the words hold no more pairs that occur twice.
    DataError where `size` leaves no room for the characters.
    """
    check_size(size)
    if not counts:
        raise DataError("there are no words to learn a vocabulary from")
    alphabet = _alphabet(counts, size)
    kept = set(alphabet)
    words = {word: n for word, n in sorted(counts.items()) if kept.issuperset(word)}
    continuing = sorted({character for word in words for character in word[1:]})
    fixed = [*SPECIALS, *alphabet, *(PREFIX + character for character in continuing)]
    trainer = trainers.WordPieceTrainer(
        vocab_size=size,
        min_frequency=_LEAST_PAIR_COUNT,
        # "Special" tokens are what the trainer puts first in the order given.
        special_tokens=fixed,
        initial_alphabet=alphabet,
        limit_alphabet=len(alphabet),
        continuing_subword_prefix=PREFIX,
        show_progress=False,
    )
    learner = HFTokenizer(models.WordPiece(unk_token=UNK))
    learner.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    learner.train_from_iterator(_running_words(words), trainer)
    ids = learner.get_vocab()
    return sorted(ids, key=ids.__getitem__)


def train_wordpiece(
    texts: Iterable[str],
    size: int = DEFAULT_SIZE,
    cased: bool = False,
    progress: Progress = silent,
    *,
    rules: Rules | None = None,
) -> Tokenizer:
    """A tokeniser with a vocabulary learned from `texts`, of at most `size` tokens.

    `rules` say more than `cased`, which they take the place of.

    The same for any order of the texts and any number of threads. Runs in this process;
    `preparation.vocabulary_from` reads files on all cores.
    """
    check_size(size)
    rules = rules or Rules(cased)
    with progress("counting words", None, "text") as task:
        counts = merge_counts(
            count_words(text, rules) for text in _batches(iter(texts), task.advance)
        )
    return tokenizer_of(counts, rules, size, progress)


def wordpiece_from(
    inputs: Iterable[Inputs],
    size: int,
    rules: Rules,
    *,
    sample: int,
    lines: LinesOption = "auto",
    language: str = "en",
    text_key: str = DEFAULT_TEXT_KEY,
    workers: int | None = None,
    progress: Progress = silent,
) -> Learned:
    """A tokeniser learned from a sample of the sentences of files, read on all cores.

    The same for any number of workers and any order of the files. Of all words
    `preparation.vocabulary_from` learns one.

    Args:
        inputs: as of `preparation.prepare`.
        size: the most tokens, special ones among them.
        rules: what is done to text before.
        sample: the most sentences to learn from.
        lines: what a line of a text holds, as of `prepare`.
        language: of the sentences.
        text_key: the key or column of the text, as of `prepare`.
        workers: processes; as many as cores where None.
        progress: told how far it is.

    Raises:
        DataError: as of `prepare`, and where the size or the sample is too small.
    """
    check_size(size)
    chosen = HashSample(sample)
    sample_of(
        inputs,
        chosen,
        rules,
        lines=lines,
        language=language,
        text_key=text_key,
        workers=workers,
        progress=progress,
    )
    sentences = chosen.sentences()
    tokenizer = train_wordpiece(sentences, size, progress=progress, rules=rules)
    return Learned(tokenizer, len(sentences), chosen.seen)


def tokenizer_of(
    counts: Counter[str], rules: Rules, size: int, progress: Progress = silent
) -> Tokenizer:
    """The tokeniser whose vocabulary is learned from `counts`.

    One that knows letters of a script without spaces splits its long runs.
    """
    with progress("learning the vocabulary", None, "token") as task:
        vocab = vocabulary_of(counts, size)
        if any(_UNSPACED.match(token) for token in vocab):
            rules = replace(rules, split_long_runs=True)
        tokenizer = Tokenizer(vocab, rules)
        task.advance(tokenizer.vocab_size)
    return tokenizer


def _alphabet(counts: Counter[str], size: int) -> list[str]:
    """The characters to keep, sorted. DataError where they would cover too little of the text."""
    characters: Counter[str] = Counter()
    for word, n in counts.items():
        for character in word:
            characters[character] += n
    ranked = sorted(characters, key=lambda c: (-characters[c], c))
    enough = CHARACTER_COVERAGE * characters.total()
    most = (size - len(SPECIALS)) // 2  # with and without ##
    kept, seen = 0, 0
    while kept < min(most, len(ranked)) and seen < enough:
        seen += characters[ranked[kept]]
        kept += 1
    needed = kept
    while seen < LEAST_COVERAGE * characters.total():
        seen += characters[ranked[needed]]
        needed += 1
    if needed > kept:
        raise DataError(
            f"a vocabulary of {size} is too small for this text: {needed} characters make up "
            f"{LEAST_COVERAGE:.1%} of it, and each takes two places, with and without ##; give a "
            f"size of {len(SPECIALS) + 2 * needed} at least (usual: {DEFAULT_SIZE})"
        )
    return sorted(ranked[:kept])


def _running_words(words: dict[str, int]) -> Iterator[str]:
    """Each word as often as it was counted: the trainer takes text, not counts."""
    scale = -(-sum(words.values()) // _MOST_RUNNING_WORDS)
    singles: list[str] = []
    for word, n in words.items():
        times = n // scale
        if times == 1:
            singles.append(word)
        while times > 1:
            part = min(times, 1 << 14)
            yield " ".join([word] * part)
            times -= part
            if times == 1:
                singles.append(word)
                times = 0
        if len(singles) >= 1 << 12:
            yield " ".join(singles)
            singles.clear()
    yield " ".join(singles)


def _batches(texts: Iterator[str], advance: Callable[[int], None]) -> Iterator[str]:
    """Texts joined by the thousand: counting has a cost for each call."""
    while batch := list(islice(texts, 1000)):
        yield "\n".join(batch)
        advance(len(batch))

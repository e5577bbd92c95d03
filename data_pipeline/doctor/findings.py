"""What the numbers of a store warn of: what was seen, why it matters, what to do.

Each rule is one function, numbers -> findings. The bounds are wide enough that encyclopedia
articles and software documentation stay well inside them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from data_pipeline.doctor.numbers import LONG_SENTENCE, Numbers

FEW_DOCUMENTS = {"train": 100, "eval": 10}
MOST_ONE_SENTENCE = 0.5
SHORT_SENTENCE = 6  # tokens, of the median
MOST_IN_LONG_SENTENCES = 0.25  # of the tokens
LEAST_ENDED = 0.4
LEAST_CASE = 0.5  # of the words, for case to say anything
LEAST_CAPITALS = 0.01
MOST_UNKNOWN = 0.01
LABEL_BOUNDS = (0.35, 0.7)
MOST_REPEATED_TOKENS, MOST_REPEATED_DOCUMENTS, MOST_NEARLY_REPEATED = 0.2, 0.05, 0.2
MOST_EPOCHS = 40  # what the paper trained (arXiv 1810.04805, A.2)
MOST_UNSEEN = 0.25
HIGHEST_FERTILITY = 2.0
LEAST_FILL = 0.35

_OF_ROWS = 128


@dataclass(frozen=True)
class Finding:
    """One thing to look at before training.

    Attributes:
        name: of the rule; other programs may rely on it.
        split: that it is about.
        seen: what was found, with its numbers.
        why: what it does to training.
        remedy: what to do.
    """

    name: str
    split: str
    seen: str
    why: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.seen}: {self.why}; {self.remedy}"


Findings = Iterator[Finding]


def findings(numbers: Numbers, steps: int = 1000, batch_size: int = 32) -> tuple[Finding, ...]:
    """All findings, the gravest first.

    Args:
        numbers: of `examine`.
        steps: how long the run is meant to be; the default is a short one.
        batch_size: rows of a step.
    """
    counts = {name: text.documents for name, text in numbers.text.items()}
    return (
        *_damaged(numbers),
        *document_findings(counts),
        *(finding for rule in _RULES for finding in rule(numbers)),
        *_few_examples(numbers, steps * batch_size),
    )


def document_findings(documents: Mapping[str, int]) -> Findings:
    """What the number of documents of each split warns of; needs nothing but the manifest."""
    for split, n in documents.items():
        if n < 2:
            yield Finding(
                "one_document",
                split,
                f"{split} holds {_amount(n, 'document')}",
                "next-sentence pairs need two",
                "prepare again with more documents or another --eval_share; "
                "a blank line ends a document",
            )
        elif n < FEW_DOCUMENTS.get(split, 0):
            if split == "eval":
                why = "held-out results rest on so few that they say little of other text"
                remedy = "hold out more with --eval_share when preparing"
            else:
                why = (
                    "random partners come from so few others that their subject gives them away, "
                    "and next sentences are learned from that alone"
                )
                remedy = (
                    "give more documents; if the text has more, put a blank line between them "
                    "and prepare it again"
                )
            yield Finding(
                "few_documents", split, f"{split} holds {_amount(n, 'document')}", why, remedy
            )


def _damaged(numbers: Numbers) -> Findings:
    for split, text in numbers.text.items():
        if text.stray_tokens:
            yield Finding(
                "damaged_tokens",
                split,
                f"{split} holds {_amount(text.stray_tokens, 'token')} that no text gives "
                f"(a special token, or an id beyond the {numbers.vocab_size:,} of the vocabulary)",
                "the files are not as they were written, and a loss may become no number",
                "compare checksums with --verify, and prepare the text again",
            )


def _one_sentence(numbers: Numbers) -> Findings:
    text = numbers.text["train"]
    if text.one_sentence_share > MOST_ONE_SENTENCE:
        yield Finding(
            "one_sentence_documents",
            "train",
            f"{_percent(text.one_sentence_share)} of the documents are one sentence",
            "such a document has no next sentence, so its pair is always labelled random, and the "
            "label can be guessed without reading",
            "put blank lines between documents and not between sentences, or train without pairs "
            "(PretrainingObjective.pairs = 'none')",
        )


def _sentence_lengths(numbers: Numbers) -> Findings:
    text = numbers.text["train"]
    lengths, words = text.sentence_tokens, text.words
    if lengths.median < SHORT_SENTENCE:
        yield Finding(
            "short_sentences",
            "train",
            f"half of the sentences have {_amount(lengths.median, 'token')} or fewer",
            "headings, list items and fragments leave a masked word with hardly any context",
            "leave them out of the text, or join them; if the text is broken into short lines, "
            "make each paragraph one line and prepare it with --lines paragraph",
        )
    elif words.ended_share < LEAST_ENDED:
        yield Finding(
            "broken_sentences",
            "train",
            f"{_percent(1 - words.ended_share)} of the sentences end with a word, not with a full "
            "stop or another mark",
            "lines that are broken at a width are no sentences, and pairs begin and end in the "
            "middle of one (in a language or a kind of text without such marks this is as it "
            "should be)",
            "make each paragraph one line and prepare it with --lines paragraph",
        )
    # With too many pieces a word any sentence is long, and that has a warning of its own.
    if text.long_token_share > MOST_IN_LONG_SENTENCES and words.fertility <= HIGHEST_FERTILITY:
        yield Finding(
            "long_sentences",
            "train",
            f"{_percent(text.long_token_share)} of the tokens stand in sentences of more than "
            f"{LONG_SENTENCE} tokens, the longest of {lengths.max:,}",
            "they are paragraphs, not sentences: pairs are cut in the middle of them and most of "
            "each is thrown away",
            "prepare again with --lines paragraph, and the text's own --language",
        )


def _case(numbers: Numbers) -> Findings:
    words, unknowns = numbers.text["train"].words, numbers.unknowns
    has_case = numbers.cased and words.case_share >= LEAST_CASE
    if has_case and not numbers.has_capitals:
        yield Finding(
            "case_mismatch",
            "train",
            "the tokeniser keeps capitals, and its vocabulary has none",
            "every word with a capital becomes [UNK]",
            "prepare again with the vocabulary as --uncased, or learn a cased one "
            "(bert-jax vocab --cased)",
        )
    elif unknowns is not None and unknowns.lower_case_share > 0.5:
        yield _written_otherwise("case_mismatch", unknowns.lower_case_share, "in lower case")
    elif has_case and words.capital_share < LEAST_CAPITALS:
        yield Finding(
            "case_mismatch",
            "train",
            f"the tokeniser is cased, and {_percent(words.capital_share)} of the words begin "
            "with a piece that has a capital",
            "the text is in lower case: tokens with capitals are never trained, and the model will "
            "not know the words of ordinary text",
            "take an uncased tokeniser, or text with its capitals",
        )
    if unknowns is not None and unknowns.accents_share > 0.5:
        yield _written_otherwise("accent_mismatch", unknowns.accents_share, "without accents")


def _written_otherwise(name: str, share: float, how: str) -> Finding:
    return Finding(
        name,
        "train",
        f"{_percent(share)} of the unknown words would be known {how}",
        "the vocabulary was learned from text that was written otherwise",
        "learn a vocabulary from this text (bert-jax vocab)",
    )


def _unknown(numbers: Numbers) -> Findings:
    for split, text in numbers.text.items():
        if text.unknown_share <= MOST_UNKNOWN:
            continue
        blame = ""
        if numbers.unknowns is not None:
            unknowns = numbers.unknowns
            parts = []
            if unknowns.characters:
                characters = " ".join(character for character, _ in unknowns.characters[:8])
                parts.append(f"characters that the vocabulary lacks: {characters}")
            words = ", ".join(word for word, _ in unknowns.words[:5])
            parts.append(f"such words: {words}")
            blame = f" ({'; '.join(parts)})"
        elif text.unknown_contexts:
            blame = f" (as in “{text.unknown_contexts[0]}”)"
        yield Finding(
            "unknown_tokens",
            split,
            f"{_percent(text.unknown_share)} of {split}'s tokens are [UNK]{blame}",
            "what was there is lost, and the model learns to answer [UNK]",
            "learn a vocabulary from this text (bert-jax vocab), or clean these characters away",
        )
        return  # the other split has the same reason


def _labels(numbers: Numbers) -> Findings:
    batches = numbers.batches
    if batches is None or not batches.labels:
        return
    low, high = LABEL_BOUNDS
    if not low <= batches.label_share <= high:
        majority = max(batches.label_share, 1 - batches.label_share)
        yield Finding(
            "label_balance",
            "train",
            f"{_percent(batches.label_share)} of {batches.rows:,} pairs are labelled 1 (random)",
            f"always guessing one label is right in {_percent(majority)}, and little is left to "
            "learn from pairs",
            "give documents of several sentences: a chunk of one sentence always gets a random "
            "partner; or train without pairs (PretrainingObjective.pairs = 'none')",
        )


def _fill(numbers: Numbers) -> Findings:
    fill = numbers.rows.get(_OF_ROWS)
    if fill is not None and fill.padded < LEAST_FILL:
        yield Finding(
            "mostly_padding",
            "train",
            f"{_percent(fill.padded)} of the slots of a row of {_OF_ROWS} hold a token, "
            f"{fill.mean_tokens:.0f} on the average",
            "the rest is padding, which costs as much time as text",
            "give longer documents, a shorter max_length, or pack rows "
            "(PretrainingObjective.max_sequences)",
        )


def _duplicates(numbers: Numbers) -> Findings:
    for split, text in numbers.text.items():
        least = "" if text.counted_share >= 1 else "at least "
        documents, sentences = text.duplicate_documents, text.duplicate_sentences
        if documents.share > MOST_REPEATED_DOCUMENTS:
            yield Finding(
                "duplicate_documents",
                split,
                f"{least}{_percent(documents.share)} of {split}'s documents are copies of another",
                "copies are learned by heart, and a random partner may be the true one",
                "keep one of each before preparing",
            )
        elif text.near_duplicate_share is not None and (
            text.near_duplicate_share > MOST_NEARLY_REPEATED
        ):
            yield Finding(
                "near_duplicate_documents",
                split,
                f"{least}{_percent(text.near_duplicate_share)} of {split}'s documents are nearly "
                "copies of another",
                "copies are learned by heart",
                "keep one of each before preparing",
            )
        elif sentences.token_share > MOST_REPEATED_TOKENS:
            commonest = sentences.commonest[0]
            yield Finding(
                "duplicate_sentences",
                split,
                f"{least}{_percent(sentences.token_share)} of {split}'s tokens stand in sentences "
                f"that came before (“{_cut(commonest.text)}” {commonest.count:,} times)",
                "boilerplate is learned by heart and takes the place of text",
                "take it out before preparing",
            )


def _vocabulary(numbers: Numbers) -> Findings:
    text = numbers.text["train"]
    if text.unseen_share > MOST_UNSEEN:
        where = "" if text.counted_share >= 1 else f" among {text.counted_tokens:,} tokens"
        yield Finding(
            "unseen_tokens",
            "train",
            f"{text.unseen_tokens:,} of the vocabulary's {numbers.vocab_size:,} tokens "
            f"({_percent(text.unseen_share)}) never come{where}",
            "they are weights that are never trained, and time in every step",
            "learn a smaller vocabulary, or one from this text (bert-jax vocab), or give more text",
        )
    if text.words.fertility > HIGHEST_FERTILITY:
        worst = ", ".join(f"{w.word} ({' '.join(w.pieces)})" for w in text.words.worst[:3])
        yield Finding(
            "fertility",
            "train",
            f"a word takes {text.words.fertility:.2f} pieces ({worst})",
            "the tokeniser was learned from another language or domain, or is very small: rows "
            "hold fewer words, and masks hide parts of words that the rest gives away",
            "learn a vocabulary from this text (bert-jax vocab), larger if it was",
        )


def _few_examples(numbers: Numbers, wanted: int) -> Findings:
    if numbers.batches is None:
        return
    examples = numbers.batches.examples_per_epoch
    if wanted > MOST_EPOCHS * examples:
        yield Finding(
            "few_examples",
            "train",
            f"an epoch is {_amount(examples, 'example')}, so {wanted:,} of them "
            f"are {math.ceil(wanted / examples):,} epochs",
            f"the paper saw its text some {MOST_EPOCHS} times; beyond that a model learns this "
            "text by heart and held-out losses rise",
            "give more text, or train for fewer steps",
        )


_RULES: tuple[Callable[[Numbers], Findings], ...] = (
    _unknown,
    _case,
    _one_sentence,
    _sentence_lengths,
    _labels,
    _duplicates,
    _vocabulary,
    _fill,
)


def _percent(share: float) -> str:
    if 0 < share < 0.0005:
        return "less than 0.1 %"
    return f"{100 * share:.1f} %" if share < 0.995 or share == 1 else f"{100 * share:.2f} %"


def _amount(n: int, noun: str) -> str:
    return f"{n:,} {noun}" if n == 1 else f"{n:,} {noun}s"


def _cut(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:59]}…"

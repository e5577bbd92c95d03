"""What a split's text warns of: sentences, words, copies, the tokeniser."""

from __future__ import annotations

from data_pipeline.doctor.finding import Finding, Findings, cut, percent
from data_pipeline.doctor.near_duplicates import RULES
from data_pipeline.doctor.numbers import LONG_SENTENCE, Numbers
from data_pipeline.wording import amount

MOST_ONE_SENTENCE = 0.5
SHORT_SENTENCE = 6  # tokens, of the median
MOST_IN_LONG_SENTENCES = 0.25  # of the tokens
LEAST_ENDED = 0.4
LEAST_CASE = 0.5  # of the words, for case to say anything
LEAST_CAPITALS = 0.01
MOST_UNKNOWN = 0.01
MOST_REPEATED_TOKENS, MOST_REPEATED_DOCUMENTS, MOST_NEARLY_REPEATED = 0.2, 0.05, 0.1
MOST_UNSEEN = 0.25
HIGHEST_FERTILITY = 2.0


def one_sentence_documents(numbers: Numbers) -> Findings:
    """Documents that have no next sentence."""
    text = numbers.text["train"]
    if text.one_sentence_share > MOST_ONE_SENTENCE:
        yield Finding(
            "one_sentence_documents",
            "train",
            f"{percent(text.one_sentence_share)} of the documents are one sentence",
            "such a document has no next sentence, so its pair is always labelled random, and the "
            "label can be guessed without reading",
            "put blank lines between documents and not between sentences, or train without pairs "
            "(PretrainingObjective.pairs = 'none')",
        )


def sentence_lengths(numbers: Numbers) -> Findings:
    """Sentences that are none: too short, too long, broken at a width."""
    text = numbers.text["train"]
    lengths, words = text.sentence_tokens, text.words
    if lengths.median < SHORT_SENTENCE:
        yield Finding(
            "short_sentences",
            "train",
            f"half of the sentences have {amount(lengths.median, 'token')} or fewer",
            "headings, list items and fragments leave a masked word with hardly any context",
            "leave them out of the text, or join them; if the text is broken into short lines, "
            "make each paragraph one line and prepare it with --lines paragraph",
        )
    elif words.ended_share < LEAST_ENDED:
        yield Finding(
            "broken_sentences",
            "train",
            f"{percent(1 - words.ended_share)} of the sentences end with a word, not with a full "
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
            f"{percent(text.long_token_share)} of the tokens stand in sentences of more than "
            f"{LONG_SENTENCE} tokens, the longest of {lengths.max:,}",
            "they are paragraphs, not sentences: pairs are cut in the middle of them and most of "
            "each is thrown away",
            "prepare again with --lines paragraph, and the text's own --language",
        )


def case_and_accents(numbers: Numbers) -> Findings:
    """A tokeniser and a text that write the same words differently."""
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
            f"the tokeniser is cased, and {percent(words.capital_share)} of the words begin "
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
        f"{percent(share)} of the unknown words would be known {how}",
        "the vocabulary was learned from text that was written otherwise",
        "learn a vocabulary from this text (bert-jax vocab)",
    )


def unknown_tokens(numbers: Numbers) -> Findings:
    """Text that is lost to [UNK], with what is to blame."""
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
            f"{percent(text.unknown_share)} of {split}'s tokens are [UNK]{blame}",
            "what was there is lost, and the model learns to answer [UNK]",
            "learn a vocabulary from this text (bert-jax vocab), or clean these characters away",
        )
        return  # the other split has the same reason


def duplicates(numbers: Numbers) -> Findings:
    """Copies of documents, and sentences that stand everywhere."""
    for split, text in numbers.text.items():
        least = "" if text.counted_share >= 1 else "at least "
        documents, sentences = text.duplicate_documents, text.duplicate_sentences
        near = text.near_duplicates
        if documents.share > MOST_REPEATED_DOCUMENTS:
            yield Finding(
                "duplicate_documents",
                split,
                f"{least}{percent(documents.share)} of {split}'s documents are copies of another",
                _what_copies_do(split) + ", and a random partner may be the true one",
                "prepare it again with --exact_duplicates, which keeps one of each",
            )
        elif near.share > MOST_NEARLY_REPEATED:
            some = near.documents < text.documents
            of_sample = f" (of {near.documents:,} compared)" if some else ""
            yield Finding(
                "near_duplicate_documents",
                split,
                f"{'at least ' * some}{percent(near.share)} of {split}'s documents{of_sample} are "
                f"nearly copies of another: {RULES.near_duplicates or 1:.0%} or more of their "
                "pairs of neighbouring words are the same",
                _what_copies_do(split),
                f"prepare it again with --near_duplicates {RULES.near_duplicates} "
                f"--shingle_words {RULES.shingle_words}, which keeps one of each",
            )
        elif sentences.token_share > MOST_REPEATED_TOKENS:
            commonest = sentences.commonest[0]
            yield Finding(
                "duplicate_sentences",
                split,
                f"{least}{percent(sentences.token_share)} of {split}'s tokens stand in sentences "
                f"that came before (“{cut(commonest.text)}” {commonest.count:,} times)",
                "boilerplate is learned by heart and takes the place of text"
                if split == "train"
                else "held-out results say less of other text, and more of what is repeated",
                "take it out before preparing",
            )


def _what_copies_do(split: str) -> str:
    if split == "train":
        return "copies are learned by heart"
    return "held-out results count the same text several times"


def vocabulary(numbers: Numbers) -> Findings:
    """A tokeniser that was made for another text."""
    text = numbers.text["train"]
    if text.unseen_share > MOST_UNSEEN:
        where = "" if text.counted_share >= 1 else f" among {text.counted_tokens:,} tokens"
        yield Finding(
            "unseen_tokens",
            "train",
            f"{text.unseen_tokens:,} of the vocabulary's {numbers.vocab_size:,} tokens "
            f"({percent(text.unseen_share)}) never come{where}",
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

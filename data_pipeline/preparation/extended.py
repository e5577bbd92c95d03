"""Text -> the tokeniser with the words that it splits worst there, on all local cores."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from data_pipeline.documents.inputs import DEFAULT_TEXT_KEY
from data_pipeline.documents.lines import LinesOption
from data_pipeline.preparation.sources import Inputs, as_sources
from data_pipeline.preparation.word_counts import counted_words
from data_pipeline.progress import Progress, silent
from data_pipeline.tokenization.extend import (
    DEFAULT_WORDS,
    Extended,
    checked_wordpiece,
    extended_by,
)
from data_pipeline.tokenization.text_tokenizer import TextTokenizer
from data_pipeline.workers import checked_workers


def extended_from(
    inputs: Iterable[Inputs],
    tokenizer: TextTokenizer,
    most: int = DEFAULT_WORDS,
    *,
    lines: LinesOption = "auto",
    workers: int | None = None,
    text_key: str = DEFAULT_TEXT_KEY,
    progress: Progress = silent,
    odd: Counter[str] | None = None,
) -> Extended:
    """A WordPiece tokeniser with at most `most` words more, chosen from files on all cores.

    All words are counted, by the tokeniser's own rules. The same for any number of workers.
    `odd` as of `vocabulary_from`. DataError as of `prepare` and `extended_by`, and for a tokeniser
    of another kind.
    """
    old = checked_wordpiece(tokenizer)
    workers = checked_workers(workers)
    sources = as_sources(inputs, lines, "en", silent, text_key)
    counts = counted_words(sources, old.rules, workers, progress, odd)
    with progress("choosing words", None, "word") as task:
        extended = extended_by(counts, old, most)
        task.advance(len(extended.added))
    return extended

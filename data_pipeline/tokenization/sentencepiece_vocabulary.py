"""Learning a SentencePiece model.

The library learns from sentences in memory, so a sample of them is taken (`sentence_sample`). Its
sums depend on the number of threads, which is therefore fixed.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterable
from typing import Any, Literal, get_args

from sentencepiece import SentencePieceTrainer

from data_pipeline.documents.inputs import DEFAULT_TEXT_KEY
from data_pipeline.documents.lines import LinesOption
from data_pipeline.errors import DataError
from data_pipeline.preparation.sources import Inputs
from data_pipeline.progress import Progress, silent
from data_pipeline.tokenization.rules import Rules, marked_normalizer
from data_pipeline.tokenization.sentence_sample import HashSample, Learned, hash_of, sample_of
from data_pipeline.tokenization.sentencepiece_tokenizer import SentencePieceTokenizer
from data_pipeline.tokenization.text_tokenizer import MASK, SPECIALS
from data_pipeline.tokenization.vocabulary import (
    CHARACTER_COVERAGE,
    DEFAULT_SIZE,
    LEAST_COVERAGE,
    check_size,
)

ModelType = Literal["unigram", "bpe"]
MODEL_TYPES: tuple[ModelType, ...] = get_args(ModelType)
DEFAULT_SAMPLE = 1_000_000
# Sums of floating-point numbers are made by each thread and then added up.
_THREADS = 16
# Control pieces never come out of text.
_SPECIALS: dict[str, Any] = {
    **dict(zip(("pad_id", "unk_id", "bos_id", "eos_id"), range(4), strict=True)),
    **dict(zip(("pad_piece", "unk_piece", "bos_piece", "eos_piece"), SPECIALS, strict=False)),
    "control_symbols": [MASK],
}
_TOO_SMALL = re.compile(r"smaller than required_chars\. \d+ vs (\d+)")


def sentencepiece_from(
    inputs: Iterable[Inputs],
    size: int,
    rules: Rules,
    *,
    model_type: ModelType = "unigram",
    sample: int = DEFAULT_SAMPLE,
    byte_fallback: bool = False,
    lines: LinesOption = "auto",
    language: str = "en",
    text_key: str = DEFAULT_TEXT_KEY,
    workers: int | None = None,
    progress: Progress = silent,
) -> Learned:
    """A SentencePiece tokeniser learned from files, read on all cores.

    The same for any number of workers and any order of the files.

    Args:
        inputs: as of `preparation.prepare`.
        size: the most pieces, special ones among them.
        rules: what is done to text before; Chinese characters are never separated.
        model_type: "unigram" or "bpe".
        sample: the most sentences to learn from.
        byte_fallback: characters that are no piece become bytes, each a piece, instead of [UNK].
        lines: what a line of a text holds, as of `prepare`.
        language: of the sentences.
        text_key: the key or column of the text, as of `prepare`.
        workers: processes; as many as cores where None.
        progress: told how far it is.

    Raises:
        DataError: as of `prepare`, and where the size or the sample is too small.
    """
    _check(size, model_type)
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
    return _learn(chosen, size, rules, model_type, byte_fallback, progress)


def train_sentencepiece(
    sentences: Iterable[str],
    size: int,
    rules: Rules,
    *,
    model_type: ModelType = "unigram",
    sample: int = DEFAULT_SAMPLE,
    byte_fallback: bool = False,
    progress: Progress = silent,
) -> Learned:
    """The same from sentences at hand, in this process."""
    _check(size, model_type)
    chosen = HashSample(sample)
    chosen.add((hash_of(sentence), sentence) for sentence in sentences if sentence)
    return _learn(chosen, size, rules, model_type, byte_fallback, progress)


def _check(size: int, model_type: str) -> None:
    check_size(size)
    if model_type not in MODEL_TYPES:
        raise DataError(f"model_type must be {' or '.join(MODEL_TYPES)}; got {model_type!r}")


def _learn(
    chosen: HashSample,
    size: int,
    rules: Rules,
    model_type: ModelType,
    byte_fallback: bool,
    progress: Progress,
) -> Learned:
    """DataError where there is no text, or more characters than `size` has room for."""
    rules = Rules(rules.cased, rules.strip_accents, False, rules.unicode_form)
    normalize = marked_normalizer(rules).normalize_str
    sentences = chosen.sentences()
    with progress("learning the vocabulary", None, "token") as task:
        task.note(f"from {len(sentences):,} of {chosen.seen:,} sentences")
        normal = [text for text in map(normalize, sentences) if text.strip()]
        if not normal:
            raise DataError("there are no sentences to learn a vocabulary from")
        model = _train(normal, size, model_type, byte_fallback)
        tokenizer = SentencePieceTokenizer(model, rules)
        task.advance(tokenizer.vocab_size)
    return Learned(tokenizer, len(sentences), chosen.seen)


def _train(sentences: list[str], size: int, model_type: ModelType, byte_fallback: bool) -> bytes:
    """The content of a `sentencepiece.model`.

    The rarest characters are left out where there is no room for them, as of a WordPiece one.
    """
    for coverage in (CHARACTER_COVERAGE, (1 + LEAST_COVERAGE) / 2, LEAST_COVERAGE):
        model = io.BytesIO()
        try:
            SentencePieceTrainer.train(
                sentence_iterator=iter(sentences),
                model_writer=model,
                vocab_size=size,
                hard_vocab_limit=False,  # fewer pieces where the text has no more
                model_type=model_type,
                character_coverage=coverage,
                byte_fallback=byte_fallback,
                normalization_rule_name="identity",  # the rules have done it
                max_sentence_length=1 << 30,  # a longer one would be skipped
                num_threads=_THREADS,
                minloglevel=3,
                **_SPECIALS,
            )
        except RuntimeError as error:
            found = _TOO_SMALL.search(str(error))
            if found is None:
                raise DataError(f"SentencePiece cannot learn from this text: {error}") from error
            needed = int(found[1])
        else:
            return model.getvalue()
    others = "256 bytes and the special pieces" if byte_fallback else "special pieces"
    raise DataError(
        f"a vocabulary of {size} is too small for this text: the characters that make up "
        f"{LEAST_COVERAGE:.1%} of it and the {others} take {needed} places; give a size of "
        f"{needed} at least (usual: {DEFAULT_SIZE})"
    )

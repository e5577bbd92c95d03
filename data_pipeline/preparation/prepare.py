"""Text -> vocabulary, and text -> token store, on all local cores."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import Any

from data_pipeline.cleaning.dropped import Dropped
from data_pipeline.cleaning.rules import NO_CLEANING, CleaningRules
from data_pipeline.documents import Source, total_size
from data_pipeline.documents.inputs import DEFAULT_TEXT_KEY
from data_pipeline.documents.lines import LinesOption
from data_pipeline.documents.stretches import UNIT_BYTES
from data_pipeline.errors import DataError
from data_pipeline.preparation.beam import encode_on_beam
from data_pipeline.preparation.differing import forms_of
from data_pipeline.preparation.encoded_unit import UnitEncoder
from data_pipeline.preparation.job import Job
from data_pipeline.preparation.merging import EmptyInput, merge
from data_pipeline.preparation.same_store import check_same_settings, is_prepared
from data_pipeline.preparation.sources import Inputs, as_sources, listed_inputs
from data_pipeline.preparation.word_counts import counted_words
from data_pipeline.preparation.work import (
    Work,
    WorkOnUnit,
    open_work,
    pending_units,
    remove_work,
)
from data_pipeline.progress import Progress, WhenDone, silent
from data_pipeline.store.token_store import TokenStore
from data_pipeline.store.writer import check_output, new_store
from data_pipeline.text.languages import known_language
from data_pipeline.tokenization.rules import Rules
from data_pipeline.tokenization.text_tokenizer import TextTokenizer
from data_pipeline.tokenization.tokenizer import Tokenizer
from data_pipeline.tokenization.vocabulary import (
    DEFAULT_SIZE,
    check_size,
    tokenizer_of,
)
from data_pipeline.wording import amount
from data_pipeline.workers import checked_workers, ordered_map

# Libraries that decide what becomes of a unit: work that another version has begun is not gone on
# with.
_DECIDING = ("sentencex", "tokenizers", "sentencepiece", "datasketch", "mwparserfromhell")


def prepare(
    inputs: Iterable[Inputs],
    tokenizer: TextTokenizer,
    output: str | os.PathLike[str],
    *,
    lines: LinesOption = "auto",
    eval_share: float = 0.01,
    workers: int | None = None,
    language: str = "en",
    cleaning: CleaningRules = NO_CLEANING,
    text_key: str = DEFAULT_TEXT_KEY,
    beam_options: Sequence[str] | None = None,
    progress: Progress = silent,
) -> TokenStore:
    """Writes the token store `output` from documents.

    `inputs` are what `documents.inputs.open_sources` takes (files, globs, folders, names of data
    sets; `text_key` is for it), or sources of documents. `eval_share` of the documents
    are held out, chosen by a hash of their text. `workers` is the number of processes, by default
    one a core; the store is the same to the byte for any number. `cleaning` says which documents
    are dropped; the manifest counts them by reason. Sentences without a token are
    dropped and counted, as are documents left without a sentence.

    With `beam_options` the work is done by Apache Beam, whose command line they are (`beam.py`).

    A call that was stopped at any moment is gone on with by the same call, and gives the same
    store: what is done is kept in a folder beside `output` (`preparation_work`).

    DataError where an input is no good, another store is there, or a split would be empty.
    """
    _check_types(tokenizer, cleaning, eval_share, language)
    language = known_language(language)
    workers = checked_workers(workers)
    output = Path(output)
    facts = {"language": language, "eval_share": eval_share}
    inputs = listed_inputs(inputs)
    # Both before any input is read.
    names = [os.fspath(i) if isinstance(i, str | os.PathLike) else i.name for i in inputs]
    wanted = _settings(tokenizer, cleaning, facts)
    check_same_settings(output, wanted, names, lines, text_key, partial(forms_of, tokenizer))
    check_output(output, may_be_store=True)
    sources = as_sources(inputs, lines, language, progress, text_key)
    return write_store(
        sources,
        tokenizer,
        output,
        facts,
        cleaning=cleaning,
        workers=workers,
        beam_options=beam_options,
        progress=progress,
    )


def write_store(
    sources: Sequence[Source],
    tokenizer: TextTokenizer,
    output: str | os.PathLike[str],
    facts: Mapping[str, Any],
    *,
    workers: int,
    cleaning: CleaningRules = NO_CLEANING,
    beam_options: Sequence[str] | None = None,
    progress: Progress = silent,
) -> TokenStore:
    """Writes the store of `sources`, going on with what an earlier call has left undone.

    A store that is there already, made by the same settings from the same input, is opened.
    `facts` go into the manifest. `facts["language"]` is that of the sentences;
    `facts["eval_share"]` is the share of documents to hold out, where a source does not say itself
    which.
    """
    output = Path(output)
    share = facts.get("eval_share")
    job = Job.of(_settings(tokenizer, cleaning, facts), sources, partial(forms_of, tokenizer))
    if is_prepared(output, job, sources):
        remove_work(output)  # a process that was killed just before it would have
        return TokenStore.open(output)
    check_output(output)
    output.parent.mkdir(parents=True, exist_ok=True)
    with open_work(output, job) as work:
        encoder = UnitEncoder(tokenizer, facts["language"], share or 0.0, cleaning)
        try:
            if beam_options is None:
                _encode(work, sources, encoder, workers, progress)
            else:
                with progress("tokenising on Beam", None, "B"):
                    encode_on_beam(work, sources, encoder, beam_options)
            manifest = {**facts, "job": job.fingerprint, "libraries": _libraries()}
            check = partial(_check_splits, share)
            with new_store(output, tokenizer) as writer:
                store = merge(work, sources, writer, manifest, cleaning, check, progress)
        except EmptyInput:
            remove_work(output)  # other settings are needed, and nothing of it is of use
            raise
        except OSError as error:
            kept = f"; what is done is kept in {work.folder}, and the same command goes on"
            raise DataError(
                f"{error.filename or output}: {error.strerror or error}"
                f"{kept if work.has_units() else ''}"
            ) from error
        remove_work(output)
    return store


def _settings(
    tokenizer: TextTokenizer, cleaning: CleaningRules, facts: Mapping[str, Any]
) -> dict[str, Any]:
    """All but the input that decides a store's bytes."""
    return {
        "tokenizer": tokenizer.fingerprint,
        "unit_bytes": UNIT_BYTES,
        "cleaning": asdict(cleaning),
        **_libraries(),
        **facts,
    }


def _libraries() -> dict[str, str]:
    return {f"{name} version": metadata.version(name) for name in _DECIDING}


def _check_types(tokenizer: Any, cleaning: Any, eval_share: Any, language: Any) -> None:
    """DataError for what is of another type than is needed."""
    if not isinstance(tokenizer, TextTokenizer):
        raise DataError(
            f"tokenizer must be a tokeniser, as load_tokenizer(FOLDER) opens one; got {tokenizer!r}"
        )
    if not isinstance(cleaning, CleaningRules):
        raise DataError(f"cleaning must be a CleaningRules; got {cleaning!r}")
    if not isinstance(eval_share, int | float) or not 0 < eval_share < 1:
        raise DataError(f"eval_share must be above 0 and below 1; got {eval_share!r}")
    if not isinstance(language, str):
        raise DataError(f"language must be a code such as 'en' or 'de'; got {language!r}")


def _encode(
    work: Work,
    sources: Sequence[Source],
    encoder: UnitEncoder,
    workers: int,
    progress: Progress,
) -> None:
    """Does what is left to do, on this machine."""
    with progress("tokenising", total_size(sources), "B") as task:
        done = WhenDone(task)
        pending = done.items(pending_units(work, sources, done))
        encoded = ordered_map(partial(WorkOnUnit, encoder), pending, workers=workers)
        for _ in done.results(encoded):
            pass


def vocabulary_from(
    inputs: Iterable[Inputs],
    size: int = DEFAULT_SIZE,
    cased: bool = False,
    *,
    rules: Rules | None = None,
    lines: LinesOption = "auto",
    workers: int | None = None,
    text_key: str = DEFAULT_TEXT_KEY,
    progress: Progress = silent,
    odd: Counter[str] | None = None,
) -> Tokenizer:
    """A WordPiece tokeniser with a vocabulary of at most `size`, learned from files on all cores.

    `rules` say more than `cased`, which they take the place of. All words are counted. The same for
    any number of workers. What a line holds does not matter to words, but a file that looks like
    anything other than text is only read as text where `lines` says so. `odd` counts
    `replaced_characters`, which were no UTF-8. DataError as of `prepare`.
    """
    check_size(size)
    workers = checked_workers(workers)
    rules = rules or Rules(cased)
    sources = as_sources(inputs, lines, "en", silent, text_key)
    counts = counted_words(sources, rules, workers, progress, odd)
    return tokenizer_of(counts, rules, size, progress)


def _check_splits(eval_share: float | None, documents: Mapping[str, int], dropped: Dropped) -> None:
    for name, other, change in (("eval", "train", "raise"), ("train", "eval", "lower")):
        if documents[name] == 0 and documents[other] == 0:
            if dropped.documents:
                reasons = ", ".join(
                    f"{found['documents']:,} {reason.replace('_', ' ')}"
                    for reason, found in dropped.facts().items()
                )
                raise EmptyInput(
                    "no document is left: the rules of cleaning dropped all "
                    f"{sum(dropped.documents.values()):,}: {reasons}"
                )
            raise EmptyInput("there is no sentence in the input: no word of it gives a token")
        if documents[name] == 0:
            where = "it" if documents[other] == 1 else "all"
            raise EmptyInput(
                f"no document is left for {name}: the text gives "
                f"{amount(documents[other], 'document')} (a blank line ends one; with --lines "
                f"document, each line is one), and {where} went to {other} with "
                f"eval_share={eval_share}; put blank lines between documents, give more text, or "
                f"{change} eval_share (--eval_share)"
            )

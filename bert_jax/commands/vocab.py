"""`bert-jax vocab`: learn a vocabulary from text, or (`vocab_extend.py`) add words to one."""

from __future__ import annotations

import argparse
import os
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bert_jax.commands.output import print_json
from bert_jax.errors import UserError
from bert_jax.formatting import format_amount, format_tokenizer

if TYPE_CHECKING:
    from data_pipeline.documents import Source
    from data_pipeline.tokenization.rules import Rules
    from data_pipeline.tokenization.text_tokenizer import TextTokenizer

# What only SentencePiece can be told, and why WordPiece cannot.
_ONLY_SENTENCEPIECE = {
    "model_type": "WordPiece has one model",
    "byte_fallback": "WordPiece has no pieces for bytes",
}
# Flags that only --extend must know to be absent; the others' defaults are their parsers'.
_DEFAULTS = {"kind": "wordpiece", "size": 30522, "normalize": "none"}


def run(arguments: argparse.Namespace) -> None:
    """Write the tokeniser folder, and say what it is."""
    if arguments.extend:
        from bert_jax.commands.vocab_extend import extend

        extend(arguments)
        return
    if arguments.add is not None:
        raise UserError("--add says how many words --extend TOKENISER adds; name the tokeniser")
    given = {name: value for name, value in vars(arguments).items() if value is not None}
    arguments = argparse.Namespace(**{**vars(arguments), **_DEFAULTS, **given})
    output = Path(arguments.output)
    _check_flags(arguments)
    from data_pipeline.preparation.learned import learning_job, read_learned, write_learned
    from data_pipeline.preparation.sources import as_sources
    from data_pipeline.progress import silent
    from data_pipeline.tokenization.files import EXTENDED
    from data_pipeline.tokenization.rules import Rules

    rules = Rules(arguments.cased, arguments.strip_accents, unicode_form=arguments.normalize)
    names = ("kind", "size", "model_type", "sample", "byte_fallback")
    settings = {name: getattr(arguments, name) for name in names} | asdict(rules)
    tokenizer = _tokenizer_at(output, arguments, rules, settings)
    sources = as_sources(arguments.inputs, arguments.lines, "en", silent, arguments.text_key)
    job = learning_job(sources, settings)
    if tokenizer is None:
        tokenizer, facts = _learn(arguments, sources, rules)
        # Of an --extend that was stopped before it had written a tokeniser.
        (output / EXTENDED).unlink(missing_ok=True)
        write_learned(output, job, tokenizer, sources, facts)
        tokenizer.save(output)
    else:
        learned = read_learned(output)
        if learned is None or not learned.is_of(job, tokenizer):
            unlike = [] if learned is None else learned.unlike(job, tokenizer, sources)
            raise refused(output, tokenizer, unlike)
        facts = dict(learned.facts)
        print(f"{output}: is there already, of the same text and settings", file=sys.stderr)
    _show(arguments, tokenizer, facts)


def _show(
    arguments: argparse.Namespace, tokenizer: TextTokenizer, facts: Mapping[str, Any]
) -> None:
    from bert_jax.terminal import Terminal

    warnings = list(_warnings(tokenizer))
    if arguments.json:
        print_json(
            {
                "kind": "tokenizer",
                "path": arguments.output,
                "model": tokenizer.kind,
                "vocab_size": tokenizer.vocab_size,
                "cased": tokenizer.cased,
                "fingerprint": tokenizer.fingerprint,
                **facts,
                "warnings": warnings,
            }
        )
        return
    print(f"{arguments.output}: a tokeniser of {described(tokenizer)}")
    if "taken" in facts:
        print(f"(learned from {facts['taken']:,} different ones of {facts['seen']:,} sentences)")
    if tokenizer.vocab_size < arguments.size:
        why = f"no more of them come twice in the {'sample' if 'taken' in facts else 'text'}"
        if arguments.kind == "sentencepiece":
            why = "the text gives no more"
        print(f"(fewer than the {arguments.size:,} asked for: {why})")
    show_replaced(facts)
    for warning in warnings:
        Terminal().print(f"warning: {warning}")


def show_replaced(facts: Mapping[str, Any]) -> None:
    """Say how many characters of the text were no UTF-8, if any were."""
    replaced = facts.get("replaced_characters")
    if replaced:
        print(f"({format_amount(replaced, 'character')} of the text replaced, no UTF-8)")


def described(tokenizer: TextTokenizer) -> str:
    """`30,522 word pieces, uncased`."""
    return format_tokenizer(tokenizer.vocab_size, tokenizer.kind, tokenizer.cased)


def _check_flags(arguments: argparse.Namespace) -> None:
    if arguments.kind == "sentencepiece":
        return
    for flag, why in _ONLY_SENTENCEPIECE.items():
        if getattr(arguments, flag):
            raise UserError(f"--{flag} is for --kind sentencepiece: {why}")


def _learn(
    arguments: argparse.Namespace, sources: Sequence[Source], rules: Rules
) -> tuple[TextTokenizer, dict[str, Any]]:
    """The tokeniser, what was odd in the text, and of what sample it was learned, if of any."""
    from bert_jax.terminal import Terminal

    progress = Terminal().progress
    if arguments.kind == "wordpiece" and arguments.sample is None:
        from data_pipeline.preparation.prepare import vocabulary_from

        odd: Counter[str] = Counter()
        tokenizer = vocabulary_from(
            sources,
            arguments.size,
            rules=rules,
            workers=arguments.workers,
            progress=progress,
            odd=odd,
        )
        return tokenizer, {"replaced_characters": odd["replaced_characters"]}
    if arguments.kind == "wordpiece":
        from data_pipeline.tokenization.vocabulary import wordpiece_from

        learned = wordpiece_from(
            sources,
            arguments.size,
            rules,
            sample=arguments.sample,
            workers=arguments.workers,
            progress=progress,
        )
    else:
        from data_pipeline.tokenization.sentencepiece_vocabulary import (
            DEFAULT_SAMPLE,
            sentencepiece_from,
        )

        learned = sentencepiece_from(
            sources,
            arguments.size,
            rules,
            model_type=arguments.model_type or "unigram",
            sample=arguments.sample or DEFAULT_SAMPLE,
            byte_fallback=arguments.byte_fallback,
            workers=arguments.workers,
            progress=progress,
        )
    return learned.tokenizer, {
        "taken": learned.taken,
        "seen": learned.seen,
        "replaced_characters": learned.replaced_characters,
    }


def _warnings(tokenizer: TextTokenizer) -> list[str]:
    from data_pipeline.tokenization.rules import marked_scripts

    scripts = marked_scripts(tokenizer.vocab)
    if not scripts or not tokenizer.rules.strips_accents:
        return []
    return [
        f"dropping accents also drops marks that are letters, or takes letters apart, in "
        f"{' and '.join(scripts)}; learn it again with --keep_accents"
    ]


def _tokenizer_at(
    output: Path, arguments: argparse.Namespace, rules: Rules, settings: Mapping[str, Any]
) -> TextTokenizer | None:
    """The tokeniser that is there and may be the one that is asked for, or None.

    Refused is here, before minutes of work, what could not be written after it.
    """
    there = there_already(output, rules.cased)
    # One of fewer words may be it, where the text has no more.
    if there is not None and (
        there.kind != arguments.kind
        or there.cased != rules.cased
        or there.rules.strips_accents != rules.strips_accents
        or there.rules.unicode_form != rules.unicode_form
        or there.vocab_size > arguments.size
    ):
        from data_pipeline.preparation.learned import read_learned

        learned = read_learned(output)
        unlike = [] if learned is None else learned.settings_unlike(settings)
        raise refused(output, there, unlike)
    return there


def there_already(output: Path, cased: bool) -> TextTokenizer | None:
    """The tokeniser that is in the output's place. UserError where none can be written there."""
    if output.exists() and not output.is_dir():
        raise UserError(f"--output {output} is a file; a tokeniser is a folder")
    from data_pipeline.paths import check_can_be_made, check_name
    from data_pipeline.tokenization.tokenizer import saved_tokenizer

    check_name(output)
    there = saved_tokenizer(output, cased)
    if there is not None:
        return there
    place = next(path for path in (output, *output.absolute().parents) if path.exists())
    if not place.is_dir():
        raise UserError(f"--output {output} cannot be made: {place} is a file")
    if not os.access(place, os.W_OK | os.X_OK):
        raise UserError(f"--output {output} cannot be written: no permission to write in {place}")
    if not output.exists():
        check_can_be_made(output)
    return None


def refused(output: Path, there: TextTokenizer, unlike: Sequence[str]) -> UserError:
    """The error for an output folder that holds another tokeniser, and in what it is `unlike`."""
    from data_pipeline.preparation.learned import read_learned

    learned, origin = read_learned(output), ""
    if learned is not None and learned.inputs:
        more = len(learned.inputs) - 1
        origin = f", learned from {learned.inputs[0]}" + (f" and {more} more" if more else "")
        origin += f" ({'; '.join(unlike)})" if unlike else ""
    return UserError(
        f"--output {output} holds another tokeniser, of {described(there)}{origin}; "
        "remove it or name a new folder"
    )

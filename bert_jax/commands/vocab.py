"""`bert-jax vocab`: learn a vocabulary from text."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bert_jax.commands.output import print_json
from bert_jax.errors import UserError

if TYPE_CHECKING:
    from data_pipeline.tokenization.rules import Rules
    from data_pipeline.tokenization.text_tokenizer import TextTokenizer

# What only SentencePiece can be told, and why WordPiece cannot.
_ONLY_SENTENCEPIECE = {
    "model_type": "WordPiece has one model",
    "sample": "WordPiece counts all words of the text",
    "byte_fallback": "WordPiece has no pieces for bytes",
}


def run(arguments: argparse.Namespace) -> None:
    """Write the tokeniser folder, and say what it is."""
    output = Path(arguments.output)
    _check_flags(arguments)
    from data_pipeline.tokenization.rules import Rules

    rules = Rules(arguments.cased, arguments.strip_accents, unicode_form=arguments.normalize)
    _check_output(output, arguments.kind, arguments.size, rules)
    tokenizer, facts = _learn(arguments, rules)
    tokenizer.save(output)
    warnings = list(_warnings(tokenizer))
    if arguments.json:
        print_json(
            {
                "kind": "tokenizer",
                "path": str(output),
                "model": tokenizer.kind,
                "vocab_size": tokenizer.vocab_size,
                "cased": tokenizer.cased,
                "fingerprint": tokenizer.fingerprint,
                **facts,
                "warnings": warnings,
            }
        )
        return
    print(f"{output}: a tokeniser of {described(tokenizer)}")
    if facts:
        print(f"(learned from {facts['taken']:,} of {facts['seen']:,} sentences)")
    if tokenizer.vocab_size < arguments.size:
        print(f"(the text has no more that occur twice; {arguments.size:,} were asked for)")
    for warning in warnings:
        print(f"warning: {warning}", file=sys.stderr)


def described(tokenizer: TextTokenizer) -> str:
    """`30,522 word pieces, uncased`."""
    case = "cased" if tokenizer.cased else "uncased"
    what = {"wordpiece": "word pieces", "sentencepiece": "pieces of SentencePiece"}
    return f"{tokenizer.vocab_size:,} {what[tokenizer.kind]}, {case}"


def _check_flags(arguments: argparse.Namespace) -> None:
    if arguments.kind == "sentencepiece":
        return
    for flag, why in _ONLY_SENTENCEPIECE.items():
        if getattr(arguments, flag):
            raise UserError(f"--{flag} is for --kind sentencepiece: {why}")


def _learn(arguments: argparse.Namespace, rules: Rules) -> tuple[TextTokenizer, dict[str, Any]]:
    """The tokeniser, and of what sample it was learned."""
    from bert_jax.terminal import Terminal

    progress = Terminal().progress
    if arguments.kind == "wordpiece":
        from data_pipeline.preparation.prepare import vocabulary_from

        tokenizer = vocabulary_from(
            arguments.inputs,
            arguments.size,
            rules=rules,
            lines=arguments.lines,
            workers=arguments.workers,
            text_key=arguments.text_key,
            progress=progress,
        )
        return tokenizer, {}
    from data_pipeline.tokenization.sentencepiece_vocabulary import (
        DEFAULT_SAMPLE,
        sentencepiece_from,
    )

    learned = sentencepiece_from(
        arguments.inputs,
        arguments.size,
        rules,
        model_type=arguments.model_type or "unigram",
        sample=arguments.sample or DEFAULT_SAMPLE,
        byte_fallback=arguments.byte_fallback,
        lines=arguments.lines,
        text_key=arguments.text_key,
        workers=arguments.workers,
        progress=progress,
    )
    return learned.tokenizer, {"taken": learned.taken, "seen": learned.seen}


def _warnings(tokenizer: TextTokenizer) -> list[str]:
    from data_pipeline.tokenization.rules import marked_scripts

    scripts = marked_scripts(tokenizer.vocab)
    if not scripts or not tokenizer.rules.strips_accents:
        return []
    return [
        f"dropping accents also drops marks that are letters, or takes letters apart, in "
        f"{' and '.join(scripts)}; learn it again with --keep_accents"
    ]


def _check_output(output: Path, kind: str, size: int, rules: Rules) -> None:
    """Refuse before minutes of work what could not be written after it."""
    if output.exists() and not output.is_dir():
        raise UserError(f"--output {output} is a file; a tokeniser is a folder")
    from data_pipeline.tokenization.tokenizer import saved_tokenizer

    there = saved_tokenizer(output, rules.cased)
    # A tokeniser may be made again in its place. One of fewer words may come out the same, where
    # the text has no more.
    if there is not None and (
        there.kind != kind
        or there.cased != rules.cased
        or there.rules.strips_accents != rules.strips_accents
        or there.rules.unicode_form != rules.unicode_form
        or there.vocab_size > size
    ):
        raise UserError(
            f"--output {output} holds another tokeniser, of {described(there)}; "
            "remove it or name a new one"
        )
    place = next(path for path in (output, *output.absolute().parents) if path.exists())
    if not place.is_dir():
        raise UserError(f"--output {output} cannot be made: {place} is a file")
    if there is None and not os.access(place, os.W_OK | os.X_OK):
        raise UserError(f"--output {output} cannot be written: no permission to write in {place}")

"""`bert-jax vocab`: learn a vocabulary from text."""

import argparse
import os
from pathlib import Path

from bert_jax.commands.output import print_json
from bert_jax.errors import UserError


def run(arguments: argparse.Namespace) -> None:
    """Write the tokeniser folder, and say what it is."""
    output = Path(arguments.output)
    _check_output(output, arguments.size, arguments.cased)

    from bert_jax.terminal import Terminal
    from data_pipeline.preparation import vocabulary_from

    tokenizer = vocabulary_from(
        arguments.inputs,
        arguments.size,
        arguments.cased,
        workers=arguments.workers,
        text_key=arguments.text_key,
        progress=Terminal().progress,
    )
    tokenizer.save(output)
    if arguments.json:
        print_json(
            {
                "kind": "tokenizer",
                "path": str(output),
                "vocab_size": tokenizer.vocab_size,
                "cased": tokenizer.cased,
                "fingerprint": tokenizer.fingerprint,
            }
        )
        return
    case = "cased" if tokenizer.cased else "uncased"
    print(f"{output}: a tokeniser of {tokenizer.vocab_size:,} word pieces, {case}")
    if tokenizer.vocab_size < arguments.size:
        print(f"(the text has no more that occur twice; {arguments.size:,} were asked for)")


def _check_output(output: Path, size: int, cased: bool) -> None:
    """Refuse before minutes of work what could not be written after it."""
    if output.exists() and not output.is_dir():
        raise UserError(f"--output {output} is a file; a tokeniser is a folder")
    from data_pipeline.tokenizer import saved_tokenizer

    there = saved_tokenizer(output, cased)
    # A tokeniser may be made again in its place. One of fewer words may come out the same, where
    # the text has no more.
    if there is not None and (there.cased != cased or there.vocab_size > size):
        case = "cased" if there.cased else "uncased"
        raise UserError(
            f"--output {output} holds another tokeniser, of {there.vocab_size:,} word pieces and "
            f"{case}; remove it or name a new one"
        )
    place = next(path for path in (output, *output.absolute().parents) if path.exists())
    if not place.is_dir():
        raise UserError(f"--output {output} cannot be made: {place} is a file")
    if there is None and not os.access(place, os.W_OK | os.X_OK):
        raise UserError(f"--output {output} cannot be written: no permission to write in {place}")

"""`bert-jax vocab`: learn a vocabulary from text."""

import argparse
from pathlib import Path

from bert_jax.commands.output import print_json
from bert_jax.errors import UserError


def run(arguments: argparse.Namespace) -> None:
    """Write the tokeniser folder, and say what it is."""
    output = Path(arguments.output)
    _check_output(output)

    from bert_jax.terminal import Terminal
    from data_pipeline.preparation import vocabulary_from

    tokenizer = vocabulary_from(
        arguments.inputs,
        arguments.size,
        arguments.cased,
        workers=arguments.workers,
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


def _check_output(output: Path) -> None:
    """Refuse before minutes of work what could not be written after it."""
    if output.exists() and not output.is_dir():
        raise UserError(f"--output {output} is a file; a tokeniser is a folder")
    if output.is_dir() and any(output.iterdir()):
        from data_pipeline.tokenizer import load_tokenizer

        # A tokeniser may be made again in its place; anything else is an error.
        load_tokenizer(output)

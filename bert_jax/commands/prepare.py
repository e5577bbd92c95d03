"""`bert-jax prepare`: text -> token store."""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from bert_jax.commands.cleaning_flags import cleaning_rules
from bert_jax.commands.output import print_json
from bert_jax.errors import UserError
from bert_jax.signals import Terminated

if TYPE_CHECKING:
    from data_pipeline.tokenization.rules import UnicodeForm
    from data_pipeline.tokenization.text_tokenizer import TextTokenizer


def run(arguments: argparse.Namespace) -> None:
    """Write the store, and say what is in it."""
    from bert_jax.recipes.inspect_store import show_store, store_facts
    from bert_jax.terminal import Terminal
    from data_pipeline.preparation.prepare import prepare
    from data_pipeline.preparation.work import work_folder
    from data_pipeline.store.token_store import MANIFEST
    from data_pipeline.tokenization.tokenizer import load_tokenizer

    tokenizer = load_tokenizer(arguments.tokenizer, arguments.cased)
    was_there = (Path(arguments.output) / MANIFEST).is_file()
    try:
        store = prepare(
            arguments.inputs,
            _in_form(tokenizer, arguments.normalize),
            arguments.output,
            lines=arguments.lines,
            eval_share=arguments.eval_share,
            workers=arguments.workers,
            language=arguments.language,
            cleaning=cleaning_rules(arguments),
            text_key=arguments.text_key,
            beam_options=arguments.rest if arguments.runner == "beam" else None,
            progress=Terminal().progress,
        )
    except (KeyboardInterrupt, Terminated):
        kept = work_folder(Path(arguments.output))
        if kept.is_dir():
            print(f"what is done is kept in {kept}; the same command goes on", file=sys.stderr)
        raise
    if was_there:
        print(
            f"{arguments.output} is there already, finished, of the same input and settings: "
            "nothing was done",
            file=sys.stderr,
        )
    facts = store_facts(Path(store.path))
    if arguments.json:
        print_json(facts)
    else:
        print(show_store(facts), end="")


def _in_form(tokenizer: TextTokenizer, form: UnicodeForm | None) -> TextTokenizer:
    """The tokeniser with `--normalize`, which a tokeniser without a form may be given."""
    own = tokenizer.rules.unicode_form
    if form is None or form == own:
        return tokenizer
    if own != "none":
        raise UserError(f"--normalize {form}: the tokeniser was made for {own}; leave the flag out")
    return tokenizer.with_rules(replace(tokenizer.rules, unicode_form=form))

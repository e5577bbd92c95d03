"""`bert-jax prepare`: text -> token store."""

import argparse
from pathlib import Path

from bert_jax.commands.output import print_json


def run(arguments: argparse.Namespace) -> None:
    """Write the store, and say what is in it."""
    from bert_jax.recipes.inspect_store import show_store, store_facts
    from bert_jax.terminal import Terminal
    from data_pipeline.preparation import prepare
    from data_pipeline.tokenizer import load_tokenizer

    store = prepare(
        arguments.inputs,
        load_tokenizer(arguments.tokenizer, arguments.cased),
        arguments.output,
        lines=arguments.lines,
        eval_share=arguments.eval_share,
        workers=arguments.workers,
        language=arguments.language,
        text_key=arguments.text_key,
        beam_options=arguments.rest if arguments.runner == "beam" else None,
        progress=Terminal().progress,
    )
    facts = store_facts(Path(store.path))
    if arguments.json:
        print_json(facts)
    else:
        print(show_store(facts), end="")

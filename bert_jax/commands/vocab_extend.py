"""`bert-jax vocab --extend`: a tokeniser with the words that it splits worst in some text."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bert_jax.commands.output import print_json
from bert_jax.commands.vocab import described, refused, show_replaced, there_already
from bert_jax.errors import UserError
from bert_jax.formatting import format_count, format_probability
from data_pipeline.wording import amount

if TYPE_CHECKING:
    from data_pipeline.tokenization.extend import Extended
    from data_pipeline.tokenization.tokenizer import Tokenizer

_EXAMPLES = 20
# What says how a vocabulary is learned, and why it says nothing here.
_NOT_WITH_EXTEND = {
    "size": "the new size is the old one and the words added; --add N says how many",
    "kind": "the kind is that of the tokeniser",
    "strip_accents": "the rules are those of the tokeniser, or old ids would change their meaning",
    "normalize": "the rules are those of the tokeniser, or old ids would change their meaning",
    "model_type": "only WordPiece can be extended",
    "sample": "all words of the text are counted",
    "byte_fallback": "only WordPiece can be extended",
}
# As they are typed, where that is not the name in the arguments.
_TYPED = {"strip_accents": "strip_accents and --keep_accents"}


def extend(arguments: argparse.Namespace) -> None:
    """Write the tokeniser folder, and say what was added and what that saves."""
    for name, why in _NOT_WITH_EXTEND.items():
        if getattr(arguments, name) is not None and (
            name == "strip_accents" or getattr(arguments, name) is not False
        ):
            raise UserError(f"not with --extend: --{_TYPED.get(name, name)}: {why}")
    output = Path(arguments.output)
    from data_pipeline.preparation.extended import extended_from
    from data_pipeline.preparation.learned import learning_job, read_learned, write_learned
    from data_pipeline.preparation.sources import as_sources
    from data_pipeline.progress import silent
    from data_pipeline.tokenization.extend import DEFAULT_WORDS, LEAST_COUNT
    from data_pipeline.tokenization.extension import read_extension, write_extension

    old = _old_tokenizer(arguments)
    there = there_already(output, old.cased)
    most = arguments.add or DEFAULT_WORDS
    sources = as_sources(arguments.inputs, arguments.lines, "en", silent, arguments.text_key)
    settings = {"extends": old.fingerprint, "add": most, "least_count": LEAST_COUNT}
    job = learning_job(sources, settings)
    if there is None:
        from bert_jax.terminal import Terminal

        odd: Counter[str] = Counter()
        extended = extended_from(
            sources, old, most, workers=arguments.workers, progress=Terminal().progress, odd=odd
        )
        facts = {**facts_of(extended), "replaced_characters": odd["replaced_characters"]}
        write_extension(output, extended.extension)
        write_learned(output, job, extended.tokenizer, sources, facts)
        extended.tokenizer.save(output)
        there = extended.tokenizer
    else:
        learned = read_learned(output)
        if learned is None or not learned.is_of(job, there) or read_extension(output) is None:
            unlike = [] if learned is None else learned.unlike(job, there, sources)
            raise refused(output, there, unlike)
        facts = dict(learned.facts)
        print(f"{output}: is there already, of the same text and settings", file=sys.stderr)
    if arguments.json:
        print_json(
            {
                "kind": "tokenizer",
                "path": arguments.output,
                "model": there.kind,
                "vocab_size": there.vocab_size,
                "cased": there.cased,
                "fingerprint": there.fingerprint,
                "extends": old.fingerprint,
                "old_size": old.vocab_size,
                **facts,
            }
        )
        return
    from bert_jax.terminal import Terminal

    print(f"{output}: a tokeniser of {described(there)}")
    show_replaced(facts)
    print("\n".join(show(facts, most, arguments.extend, Terminal().width)))


def facts_of(extended: Extended) -> dict[str, Any]:
    """What `learned.json` and `--json` say of it."""
    changed = extended.changed
    return {
        "added": len(extended.added),
        "words": extended.words,
        "pieces_before": extended.pieces_before,
        "pieces_after": extended.pieces_after,
        "tokens_before": extended.tokens_before,
        "tokens_after": extended.tokens_after,
        "unknown": extended.unknown,
        "changed": {"fewer": changed.fewer, "as_many": changed.as_many, "more": changed.more},
        "examples": [
            {"word": added.word, "count": added.count, "pieces": list(added.pieces)}
            for added in extended.added[:_EXAMPLES]
        ],
    }


def show(facts: Mapping[str, Any], most: int, old: str, width: int) -> list[str]:
    """What a person reads below the tokeniser's name, in lines of `width` columns.

    Args:
      facts: `facts_of` it.
      most: how many words were asked for.
      old: the path of the tokeniser that was extended.
      width: columns.
    """
    from bert_jax.recipes.text_table import text_table, wrapped

    added, words = facts["added"], facts["words"]
    few = f", fewer than the {most:,} asked for: the text has no more" if added < most else ""
    lines = wrapped(f"{added:,} of them new, after those of {old}{few}. The first:", width)
    rows = [
        (example["word"], f"{example['count']:,}", " ".join(example["pieces"]))
        for example in facts["examples"]
    ]
    lines += [
        "",
        *(_cut(line, width) for line in text_table(["word", "times", "pieces"], rows)),
        "",
    ]
    before, after = facts["tokens_before"], facts["tokens_after"]
    changed = facts["changed"]
    otherwise = sum(changed.values())
    sentences = [
        f"the text: {format_count(words)} words of {facts['pieces_before'] / words:.3f} pieces "
        f"before and {facts['pieces_after'] / words:.3f} now; {format_count(before)} tokens before "
        f"and {format_count(after)} now, {100 * (before - after) / before:.1f} % fewer",
        f"other words that begin with a new one come {amount(otherwise, 'time')} "
        f"({format_probability(otherwise / words)}): {changed['fewer']:,} are fewer pieces now, "
        f"{changed['more']:,} more, {changed['as_many']:,} as many but others",
    ]
    if facts["unknown"]:
        sentences.append(
            f"[UNK] stays what it is: {amount(facts['unknown'], 'word')} with characters that the "
            "vocabulary lacks; learn a new one where they matter"
        )
    sentences.append(
        "the row of a new token starts as the mean of those of its old pieces (extended.json)"
    )
    for sentence in sentences:
        lines += wrapped(sentence, width)
    return lines


def _cut(line: str, width: int) -> str:
    return line if len(line) <= width else f"{line[: width - 1]}…"


def _old_tokenizer(arguments: argparse.Namespace) -> Tokenizer:
    """What is to be extended; --cased is of use for a bare vocabulary alone, else uncased."""
    from data_pipeline.errors import DataError
    from data_pipeline.tokenization.extend import checked_wordpiece
    from data_pipeline.tokenization.files import CONFIG, FULL
    from data_pipeline.tokenization.tokenizer import load_tokenizer

    path = Path(arguments.extend)
    bare = path.is_file() or not ((path / CONFIG).is_file() or (path / FULL).is_file())
    if arguments.cased and not bare:
        raise UserError(f"not with --extend: --cased: {path} says itself whether it is cased")
    tokenizer = load_tokenizer(path, arguments.cased if bare else None)
    try:
        return checked_wordpiece(tokenizer)
    except DataError as error:
        raise UserError(f"--extend {path}: {error}") from error

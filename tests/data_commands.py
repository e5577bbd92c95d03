"""What the tests of `vocab`, `prepare` and `inspect` share."""

from pathlib import Path

import numpy as np
import pytest

from bert_jax import cli
from data_pipeline.store.writer import EncodedPart, new_store
from data_pipeline.tokenization.rules import Rules
from data_pipeline.tokenization.text_tokenizer import SPECIALS
from data_pipeline.tokenization.tokenizer import Tokenizer

VOCAB = [*SPECIALS, "a", "b"]


def error_of(capsys: pytest.CaptureFixture[str], *argv: str | Path) -> str:
    """The one line of error of a user's mistake."""
    assert cli.main([str(argument) for argument in argv]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    return err.removeprefix("error: ").rstrip("\n")


def tiny_store(path: Path) -> Path:
    """A store of one document in either split."""
    part = EncodedPart(
        np.array([5, 6, 5], np.uint16), np.array([3]), np.array([1]), {"words": 3, "bytes": 6}
    )
    with new_store(path, Tokenizer(VOCAB, Rules(cased=False))) as writer:
        for split in writer.splits.values():
            split.append(part)
        writer.finish({"sources": []})
    return path


def write_corpus(path: Path) -> Path:
    """A text of 300 documents of three sentences, one a line."""
    text = "The cat sat on the mat.\nA dog ran after cat {0}.\nBoth of them slept {0} hours."
    path.write_text("\n\n".join(text.format(number) for number in range(300)))
    return path

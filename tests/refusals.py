"""What the tests of bad input share: a command that is refused, and what may be left of it."""

from pathlib import Path

import pytest

from bert_jax import cli
from data_pipeline.errors import DataError
from data_pipeline.store.token_store import TokenStore

VOCAB = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "cat", "sat", "."]
GOOD = "\n\n".join(f"The cat sat {n}.\nA cat sat." for n in range(40)).encode()


def outcome(capsys: pytest.CaptureFixture[str], *argv: object) -> tuple[int, str]:
    """Status and error line of a command, which either has neither or both."""
    capsys.readouterr()
    status = cli.main([str(argument) for argument in argv])
    out, err = capsys.readouterr()
    errors = [line for line in err.splitlines() if line.startswith("error: ")]
    assert "Traceback" not in err
    if status == 0:
        assert errors == []
        return 0, ""
    assert status in (1, 2)
    assert out == ""
    assert errors == err.splitlines()[-1:], err
    return status, errors[0].removeprefix("error: ")


def refused(capsys: pytest.CaptureFixture[str], *argv: object) -> str:
    """The error line of a user's mistake."""
    status, message = outcome(capsys, *argv)
    assert status == 2
    return message


def prepare_arguments(text: object, tokenizer: object, store: object) -> list[object]:
    """The command that prepares in this process, with enough held out of a small text."""
    return [
        *("prepare", text, "--tokenizer", tokenizer, "--output", store),
        *("--workers", 1, "--eval_share", "0.2"),
    ]


def tokenizer_folder(folder: Path) -> Path:
    """A small tokeniser, uncased."""
    folder.mkdir()
    (folder / "vocab.txt").write_text("".join(f"{token}\n" for token in VOCAB))
    (folder / "tokenizer_config.json").write_text('{"do_lower_case": true}')
    return folder


def is_whole(store: Path) -> bool:
    """Whether a store is there and would be opened."""
    try:
        TokenStore.open(store).verify()
    except DataError:
        return False
    return True

"""A tokeniser's folder knows what it was learned from."""

import os
from pathlib import Path

import pytest
from documents import open_one

from data_pipeline.preparation.learned import learning_job, read_learned, write_learned
from data_pipeline.tokenization.rules import Rules
from data_pipeline.tokenization.text_tokenizer import SPECIALS
from data_pipeline.tokenization.tokenizer import Tokenizer

TOKENIZER = Tokenizer([*SPECIALS, "a"], Rules(False))


def test_a_record_is_of_its_job_and_its_tokeniser_alone(tmp_path: Path) -> None:
    text = tmp_path / "a.txt"
    text.write_text("a a a")
    os.utime(text, (0, 0))
    sources = [open_one(text)]
    job = learning_job(sources, {"size": 7})
    write_learned(tmp_path / "new" / "t", job, TOKENIZER, sources, {"taken": 3})
    found = read_learned(tmp_path / "new" / "t")
    assert found is not None
    assert found.inputs == (str(text),)
    assert found.settings["size"] == 7
    assert found.facts == {"taken": 3}
    assert found.is_of(job, TOKENIZER)
    assert not found.is_of(learning_job(sources, {"size": 8}), TOKENIZER)
    assert not found.is_of(job, Tokenizer([*SPECIALS, "b"], Rules(False)))


@pytest.mark.parametrize("content", [None, "", "[]", "{}", '{"job": 1, "inputs": 2}'])
def test_a_record_that_cannot_be_read_is_none(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "learned.json").write_text(content)
    assert read_learned(tmp_path) is None

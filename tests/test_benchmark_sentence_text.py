from pathlib import Path

import pytest

from bert_jax.benchmarks.sentence_text import write_texts
from data_pipeline.tokenization.vocabulary import train_wordpiece

PARAGRAPHS = "One is here. Two is there!\nThree is a paragraph of its own.\n\nFour? Five is it.\n\n"
SENTENCES = (
    "One is here.\nTwo is there!\nThree is a paragraph of its own.\n\nFour?\nFive is it.\n\n"
)


@pytest.mark.parametrize("text", [PARAGRAPHS, SENTENCES])
def test_the_sentences_are_ours_and_the_text_stays_as_it_was(tmp_path: Path, text: str) -> None:
    tokenizer = train_wordpiece([text], size=60)
    (tmp_path / "given.txt").write_text(text)
    found = write_texts([str(tmp_path / "given.txt")], tokenizer, tmp_path, size=1000)
    assert found.lines == ("sentence" if text is SENTENCES else "paragraph")
    assert found.text.read_text() == text
    assert found.sentences.read_text() == SENTENCES


def test_whole_documents_are_taken_until_there_is_enough(tmp_path: Path) -> None:
    tokenizer = train_wordpiece([PARAGRAPHS], size=60)
    (tmp_path / "given.txt").write_text(PARAGRAPHS * 5)
    found = write_texts([str(tmp_path / "given.txt")], tokenizer, tmp_path, len(PARAGRAPHS) + 1)
    first = PARAGRAPHS.index("Four")
    assert found.text.read_text() == PARAGRAPHS + PARAGRAPHS[:first]

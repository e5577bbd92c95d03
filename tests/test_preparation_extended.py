"""Words chosen from files."""

from pathlib import Path

import pytest

from data_pipeline.errors import DataError
from data_pipeline.preparation import extended as extended_module
from data_pipeline.preparation.extended import extended_from
from data_pipeline.tokenization.rules import Rules
from data_pipeline.tokenization.sentencepiece_vocabulary import train_sentencepiece
from data_pipeline.tokenization.text_tokenizer import SPECIALS
from data_pipeline.tokenization.tokenizer import Tokenizer

OLD = Tokenizer([*SPECIALS, *"atc.", "##a", "##t"], Rules(cased=False), model_max_length=64)


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    first, second = tmp_path / "a.txt", tmp_path / "b.txt"
    first.write_text("Cat, cat at tat.\n\nA cat.\n")
    second.write_text("Tat at a cat.\n\nTa ta ta, cat tat.\n\nTat tat. Tää")
    return [first, second]


def test_the_order_of_the_files_changes_nothing(files: list[Path]) -> None:
    alone = extended_from(files, OLD, 2, workers=1)
    assert [(new.word, new.count) for new in alone.added] == [("cat", 5), ("tat", 5)]
    both = extended_from(files[::-1], OLD, 2, workers=1)
    assert both.tokenizer.fingerprint == alone.tokenizer.fingerprint
    assert (both.added, both.extension, both.changed) == (
        alone.added,
        alone.extension,
        alone.changed,
    )
    text = "\n".join(file.read_text() for file in files)
    assert alone.tokens_before == len(OLD.encode(text))
    assert alone.tokens_after == len(alone.tokenizer.encode(text))


def test_the_rules_and_the_longest_input_stay_those_of_the_old_tokeniser(files: list[Path]) -> None:
    new = extended_from(files, OLD, 1, workers=1).tokenizer
    assert (new.rules, new.model_max_length) == (OLD.rules, 64)


def test_another_kind_is_refused_before_the_text_is_read(
    files: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(extended_module, "as_sources", lambda *_: pytest.fail("the text was read"))
    other = train_sentencepiece(["ab ba aab bba"] * 9, 12, OLD.rules).tokenizer
    with pytest.raises(DataError, match="only a WordPiece tokeniser can be extended"):
        extended_from(files, other, 1)

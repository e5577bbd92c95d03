"""Files of a tokeniser as somebody hostile would write them: one short line, little memory."""

import tracemalloc
from pathlib import Path

import pytest

from data_pipeline.errors import DataError
from data_pipeline.tokenization.read_files import read_json, read_limited, read_vocab
from data_pipeline.tokenization.tokenizer import load_tokenizer


@pytest.mark.parametrize("name", ["vocab.txt", "tokenizer.json", "vocab.json", "x.model"])
def test_a_file_larger_than_any_of_a_tokeniser_is_refused_before_it_is_read(
    name: str, tmp_path: Path
) -> None:
    with (tmp_path / name).open("wb") as file:
        file.truncate(10 * 2**30)
    if name == "vocab.json":
        (tmp_path / "merges.txt").write_text("")
    path = tmp_path / name if name == "x.model" else tmp_path
    tracemalloc.start()
    with pytest.raises(DataError, match=rf"{name}: has 10,737,418,240 bytes, and no file of"):
        load_tokenizer(path, cased=False)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2**20


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("vocab.txt", b"[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n" + 2 * (b"x" * 10**6 + b"\n")),
        ("vocab.txt", b"[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n" + b"X\x1b[2J" * 10**5),
        ("vocab.txt", b"\xff\xfe[PAD]"),
        ("vocab.txt", b"\n" * 10**6),
        ("vocab.txt", b"the\ncat"),
        ("tokenizer.json", b"[" * 10**5),
        ("tokenizer.json", b'{"model": {"type": "' + b"a\\n" * 10**5 + b'"}}'),
        ("tokenizer.json", b'{"model": ' + b"9" * 5000 + b"}"),
        ("tokenizer.json", b'{"model": {"type": "WordPiece", "vocab": {"\\ud800": 0}}}'),
        ("tokenizer.json", b"[]"),
        ("tokenizer.json", b"\xff"),
        ("tokenizer_config.json", b'{"added_tokens_decoder": {"' + b"9" * 5000 + b'": {}}}'),
        ("tokenizer_config.json", b'{"tokenizer_class": "' + b"a\\n" * 10**5 + b'"}'),
        ("tokenizer_config.json", b'{"mask_token": "' + b"a\\n" * 10**5 + b'"}'),
        ("tokenizer_config.json", b'{"model_max_length": NaN}'),
        ("tokenizer_config.json", b'{"model_max_length": -' + b"9" * 4000 + b"}"),
        ("added_tokens.json", b'{"x": ' + b"9" * 4000 + b"}"),
        ("added_tokens.json", b'{"\\udfff": 7}'),
        ("merges.txt", b"a" * 10**6),
    ],
    ids=range(19),
)
def test_what_is_wrong_is_said_in_one_short_line(name: str, content: bytes, tmp_path: Path) -> None:
    if name == "merges.txt":
        (tmp_path / "vocab.json").write_text("{}")
    elif name != "tokenizer.json":
        (tmp_path / "vocab.txt").write_text("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nthe\n")
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError) as caught:
        load_tokenizer(tmp_path, cased=None if name.endswith("config.json") else False)
    assert str(tmp_path) in str(caught.value)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 500


def test_both_halves_of_a_pair_are_a_character(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(b'{"a": "\\ud83d\\udc4d \\\\ud800"}')
    assert read_json(path) == {"a": "👍 \\ud800"}
    path.write_bytes(b'{"a": "\\uD83D"}')
    with pytest.raises(DataError, match=r"a\.json: is not JSON"):
        read_json(path)


def test_a_token_may_be_any_white_space_but_a_line_end(tmp_path: Path) -> None:
    path = tmp_path / "vocab.txt"
    path.write_bytes("\ufeffa\r\n\u2028\n \n\x85\n\n\n".encode())
    assert read_vocab(path) == ["a", "\u2028", " ", "\x85"]
    for empty in (b"", b"\n\n"):
        path.write_bytes(empty)
        assert read_vocab(path) == []
    assert read_limited(path) == b"\n\n"

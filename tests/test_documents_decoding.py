from pathlib import Path

import pytest
from documents import ignore, open_one, read
from hypothesis import given
from hypothesis import strategies as st

import data_pipeline.documents.decoding as decoding
from data_pipeline.documents.decoding import decode, lines_of, text_blocks
from data_pipeline.errors import DataError

TEXT = b"One. Two.\nThree.\n\nFour.\n"


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
@pytest.mark.parametrize("block", [1, 2, 3, 1 << 20])
def test_line_ends_of_all_systems_mean_the_same(tmp_path: Path, end: bytes, block: int) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(TEXT.replace(b"\n", end))
    assert b"".join(text_blocks(path, ignore, block)).rstrip(b"\r\n") == TEXT.rstrip(b"\n")
    assert read(open_one(path, "paragraph")) == [["One. Two.", "Three."], ["Four."]]


def test_a_byte_order_mark_is_no_text(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"\xef\xbb\xbf" + TEXT)
    assert b"".join(text_blocks(path, ignore, 1 << 20)) == TEXT


def test_undecodable_bytes_are_replaced_and_counted() -> None:
    assert decode("é \ufffd".encode()) == ("é \ufffd", 0)
    assert decode(b"caf\xe9 \xef\xbf\xbd and \xff.") == ("caf\ufffd \ufffd and \ufffd.", 2)


@given(st.text())
def test_text_that_is_utf8_is_never_replaced(text: str) -> None:
    assert decode(text.encode()) == (text, 0)


def test_what_is_no_utf8_text_is_an_error(tmp_path: Path) -> None:
    binary = tmp_path / "image.txt"
    binary.write_bytes(bytes(range(256)) * 50)
    with pytest.raises(DataError, match=r"image\.txt: does not look like UTF-8"):
        list(text_blocks(binary, ignore, 1 << 20))
    wide = tmp_path / "wide.txt"
    wide.write_bytes("Some text. More.".encode("utf-16"))
    with pytest.raises(DataError, match=r"wide\.txt: is UTF-16"):
        list(text_blocks(wide, ignore, 1 << 20))


def test_lines_are_those_that_are_not_blank_with_single_spaces() -> None:
    assert lines_of("\n \t\nOne \t two\n\u00a0\u2003\n three\u2028four \n\n") == [
        *("One two", "three four")
    ]


@given(st.text(st.sampled_from("ab中 \t\u2003\n")), st.integers(1, 9))
def test_a_long_text_has_the_same_lines(text: str, longest: int) -> None:
    whole = lines_of(text)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(decoding, "_LONG", longest)
        assert lines_of(text) == whole

"""Texts that a command is given: every line of a file is one, whatever the file is."""

import bz2
import gzip
import io
import os
import threading

import pytest

from bert_jax.commands import text_lines
from bert_jax.commands.text_lines import count_lines, have_text, read_texts
from bert_jax.errors import UserError
from data_pipeline.errors import DataError

BLANKS = b"\n  the cat \n\n \t \nthe dog\n\n"
AS_TEXTS = ["", "  the cat", "", "", "the dog", ""]


def written(folder, content, name="texts.txt"):
    path = folder / name
    path.write_bytes(content)
    return str(path)


def texts_of(file):
    return [text for _, text in read_texts([], file)]


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
@pytest.mark.parametrize("pack", [bytes, gzip.compress, bz2.compress], ids=["", "gz", "bz2"])
def test_every_line_is_a_text_and_the_end_of_the_last_is_no_other(tmp_path, end, pack):
    file = written(tmp_path, pack(BLANKS.replace(b"\n", end)))
    assert texts_of(file) == AS_TEXTS
    assert count_lines(file) == len(AS_TEXTS)
    file = written(tmp_path, pack(BLANKS.replace(b"\n", end) + b"no end"))
    assert texts_of(file) == [*AS_TEXTS, "no end"]
    assert count_lines(file) == len(AS_TEXTS) + 1


def test_lines_across_blocks_are_whole(tmp_path, monkeypatch):
    monkeypatch.setattr(text_lines, "_BLOCK_BYTES", 7)
    lines = ["a", "", "\u00e9" * 20, "\U0001f600\U0001f600", "", "b" * 30, ""]
    file = written(tmp_path, "".join(f"{line}\n" for line in lines).encode())
    assert texts_of(file) == lines
    assert count_lines(file) == len(lines)


def test_standard_input_is_read_as_a_file_is(monkeypatch):
    packed = io.BufferedReader(io.BytesIO(gzip.compress(BLANKS)))
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(packed))
    assert texts_of("-") == AS_TEXTS
    assert count_lines("-") is None


def test_a_pipe_is_read_as_a_stream(tmp_path):
    pipe = str(tmp_path / "pipe")
    os.mkfifo(pipe)
    content = gzip.compress(BLANKS * 20_000)
    writer = threading.Thread(target=lambda: written(tmp_path, content, "pipe"))
    writer.start()
    found = texts_of(pipe)
    writer.join()
    assert found == AS_TEXTS * 20_000
    assert count_lines(pipe) is None


def test_a_byte_order_mark_is_no_part_of_the_first_text(tmp_path):
    assert texts_of(written(tmp_path, b"\xef\xbb\xbfthe cat\n")) == ["the cat"]


def test_what_is_no_utf_8_is_replaced_and_counted_once(tmp_path, capsys):
    file = written(tmp_path, b"caf\xe9 au lait, and a tea\nna\xefve\n")
    assert texts_of(file) == ["caf\ufffd au lait, and a tea", "na\ufffdve"]
    assert capsys.readouterr().err == (
        f"{file}: 2 characters were no UTF-8, and replaced by U+FFFD\n"
    )
    # As Python hands on what a shell gave it.
    assert list(read_texts(["na\udcefve", "caf\u00e9"], None)) == [
        ("", "na\ufffdve"),
        ("", "caf\u00e9"),
    ]
    assert capsys.readouterr().err == (
        "the arguments: 1 character was no UTF-8, and replaced by U+FFFD\n"
    )
    assert list(read_texts(["\ud800"], None)) == [("", "\ufffd")]
    capsys.readouterr()
    texts_of(written(tmp_path, b"fine"))
    assert capsys.readouterr().err == ""


def test_a_files_name_that_is_taken_as_a_text_is_said(tmp_path, capsys):
    file = written(tmp_path, b"the cat\n")
    assert next(read_texts([file, "a" * 9999], None)) == ("", file)
    assert capsys.readouterr().err == (
        f"{file} is taken as a text, and is a file: --file {file} takes its lines\n"
    )


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.gz", gzip.compress(b"the cat\n" * 999, mtime=0)[:-9], "damaged gzip file"),
        ("a.gz", b"the cat\n", "is named .gz but does not hold gzip data"),
        ("a.txt", "the cat\n".encode("utf-16"), "is UTF-16, and UTF-8 is needed"),
        ("a.txt", bytes(range(128, 256)), "does not look like UTF-8 text"),
    ],
)
def test_what_cannot_be_read_is_said(tmp_path, name, content, message):
    with pytest.raises(DataError, match=message):
        texts_of(written(tmp_path, content, name))


def test_a_missing_file_a_folder_and_a_closed_input_are_said(tmp_path, monkeypatch):
    with pytest.raises(DataError, match=r"nowhere\.txt: cannot be read: No such file"):
        texts_of(str(tmp_path / "nowhere.txt"))
    with pytest.raises(UserError, match="is a folder; name a file of text"):
        texts_of(str(tmp_path))
    monkeypatch.setattr("sys.stdin", None)
    with pytest.raises(UserError, match="standard input, and it is closed"):
        texts_of("-")


def test_a_line_without_end_is_refused_before_it_fills_the_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(text_lines, "LONGEST_LINE_BYTES", 1 << 20)
    monkeypatch.setattr(text_lines, "_BLOCK_BYTES", 1 << 10)
    file = written(tmp_path, b"the cat\n" + b"cat " * (1 << 19))
    with pytest.raises(UserError, match=r"texts\.txt:2: the line has more than 1 MiB"):
        texts_of(file)


def test_no_text_at_all_is_an_error_that_names_the_file(tmp_path):
    file = written(tmp_path, b"")
    with pytest.raises(UserError, match=r"texts\.txt: there is no text in it"):
        have_text(read_texts([], file), file)
    with pytest.raises(UserError, match="there is no text: give some after MODEL"):
        have_text(read_texts([], None), None)
    file = written(tmp_path, b"\n")
    assert list(have_text(read_texts([], file), file)) == [(f"{file}:1: ", "")]

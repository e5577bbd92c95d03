import os
import shutil
import zipfile
from pathlib import Path

import pytest

from data_pipeline.documents.files import input_files, kind_of
from data_pipeline.documents.inputs import open_sources
from data_pipeline.errors import DataError


def write(path: Path, content: bytes = b"Some text.") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def test_folders_and_globs_give_their_files_in_the_order_of_their_paths(tmp_path: Path) -> None:
    for name in ("b.txt", "a/z.txt.gz", "a/b.txt", "ab.txt.zst", "notes.md"):
        write(tmp_path / name)
    expected = ["a/b.txt", "a/z.txt.gz", "ab.txt.zst", "b.txt"]
    (folder,) = input_files([tmp_path])
    assert [path.relative_to(tmp_path).as_posix() for path in folder.files] == expected
    (pattern,) = input_files([str(tmp_path / "**" / "*.txt*")])
    assert sorted(pattern.files) == sorted(folder.files)
    (markdown,) = input_files([str(tmp_path / "*.md")])
    assert [path.name for path in markdown.files] == ["notes.md"]


def test_the_files_of_an_input_are_told_apart_by_kind(tmp_path: Path) -> None:
    names = ("a.txt", "b.jsonl.gz", "c.parquet", "d.xml.bz2", "e.ndjson", "f.txt", "info.json")
    for name in names:
        write(tmp_path / name)
    found = {given.kind: [path.name for path in given.files] for given in input_files([tmp_path])}
    assert found == {
        "text": ["a.txt", "f.txt"],
        "jsonl": ["b.jsonl.gz", "e.ndjson"],
        "parquet": ["c.parquet"],
        "mediawiki": ["d.xml.bz2"],
    }, "a .json file of a folder is not taken"
    (named,) = input_files([tmp_path / "info.json"])
    assert named.kind == "jsonl"


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [
        ("dump.xml-p1p41242.bz2", b"", "mediawiki"),
        ("no_suffix", b"Some text.", "text"),
        ("no_suffix", b'\xef\xbb\xbf{"text": "a"}\n', "jsonl"),
        ("no_suffix", b"PAR1\x15\x04", "parquet"),
        ("no_suffix", b"\n<mediawiki xmlns", "mediawiki"),
        ("a.md", b"{braces} in a text", "text"),
        ("a.txt", b'{"text": "a"}\n', "text"),
    ],
)
def test_the_suffix_says_the_kind_and_where_it_says_nothing_the_content_does(
    tmp_path: Path, name: str, content: bytes, kind: str
) -> None:
    assert kind_of(write(tmp_path / name, content)) == kind


def test_a_name_with_brackets_is_a_file_before_it_is_a_pattern(tmp_path: Path) -> None:
    path = write(tmp_path / "a[1].txt")
    assert input_files([path])[0].files == (path,)


def test_inputs_that_match_nothing_are_errors_that_name_them(tmp_path: Path) -> None:
    for path, message in (
        (tmp_path / "absent.txt", "absent.txt: no such file"),
        (tmp_path / "*.txt", r"\*.txt: the pattern matches no file"),
        (tmp_path, r"holds no \.txt, \.jsonl, \.parquet or \.xml file"),
    ):
        with pytest.raises(DataError, match=message):
            input_files([path])


def test_a_file_given_twice_is_an_error(tmp_path: Path) -> None:
    path = write(tmp_path / "a.txt")
    (tmp_path / "link.txt").symlink_to(path)
    with pytest.raises(DataError, match=r"given twice.*a\.txt.*\*"):
        input_files([path, tmp_path / "*.txt"])


def test_an_input_of_empty_files_alone_is_an_error(tmp_path: Path) -> None:
    write(tmp_path / "a.txt", b"")
    write(tmp_path / "b.jsonl", b"")
    with pytest.raises(DataError, match=r"there is no text in it \(2 files read\)"):
        input_files([tmp_path])
    write(tmp_path / "c.txt")
    assert [given.kind for given in input_files([tmp_path])] == ["text", "jsonl"]


def test_a_pipe_is_no_empty_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.txt")
    descriptor = os.open(tmp_path / "pipe.txt", os.O_RDWR)  # so that opening it does not wait
    try:
        with pytest.raises(DataError, match=r"pipe\.txt: is no file but a pipe"):
            open_sources([tmp_path / "pipe.txt"])
    finally:
        os.close(descriptor)


def test_an_archive_is_not_taken_for_text(tmp_path: Path) -> None:
    (tmp_path / "note.txt").write_text("A sentence of text. " * 200)
    shutil.make_archive(str(tmp_path / "a"), "gztar", tmp_path, "note.txt")
    with zipfile.ZipFile(tmp_path / "b.zip", "w") as archive:
        archive.write(tmp_path / "note.txt", "note.txt")
    for name, kind in (("a.tar.gz", "a tar"), ("b.zip", "a zip")):
        with pytest.raises(DataError, match=f"{name}: is {kind} archive; unpack it"):
            open_sources([tmp_path / name])

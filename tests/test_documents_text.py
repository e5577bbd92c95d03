import gzip
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import data_pipeline.documents.text as text_module
from data_pipeline.documents import units_of
from data_pipeline.documents.text import TextSource, TextStream, decode, documents_of, text_sources
from data_pipeline.errors import DataError

TWO_DOCUMENTS = b"One. Two. Three.\nFour.\n\nFive is here. Six too.\n"


def ignore(n: int) -> None:
    del n


def read(source: TextSource, counts: Counter[str] | None = None) -> list[list[str]]:
    return [
        document
        for unit in units_of([source], ignore, counts)
        for document in unit.parse(unit.content).documents
    ]


def one(path: Path, lines: str = "auto") -> TextSource:
    (source,) = text_sources([path], lines)
    return source


def write(path: Path, content: bytes = TWO_DOCUMENTS) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(content) if path.name.endswith(".gz") else content)
    return path


@pytest.mark.parametrize("name", ["a.txt", "a.txt.gz", "no_suffix"])
def test_a_blank_line_ends_a_document(tmp_path: Path, name: str) -> None:
    source = one(write(tmp_path / name))
    assert read(source) == [["One. Two. Three.", "Four."], ["Five is here. Six too."]]


def test_gzip_is_known_by_its_content_and_not_by_its_name(tmp_path: Path) -> None:
    path = tmp_path / "packed.txt"
    path.write_bytes(gzip.compress(TWO_DOCUMENTS) + gzip.compress(b"\nMore. And more."))
    assert len(read(one(path))) == 3
    liar = tmp_path / "plain.gz"
    liar.write_bytes(TWO_DOCUMENTS)
    with pytest.raises(DataError, match=r"plain\.gz.*gzip"):
        one(liar)


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
@pytest.mark.parametrize("block", [1, 2, 3, 1 << 20])
def test_line_ends_of_all_systems_mean_the_same(
    tmp_path: Path, end: bytes, block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(text_module, "UNIT_BYTES", block)
    path = write(tmp_path / "a.txt", TWO_DOCUMENTS.replace(b"\n", end))
    assert [len(document) for document in read(one(path, "paragraph"))] == [2, 1]


def test_a_byte_order_mark_is_no_text(tmp_path: Path) -> None:
    source = one(write(tmp_path / "a.txt", b"\xef\xbb\xbf" + TWO_DOCUMENTS))
    assert read(source)[0][0] == "One. Two. Three."


def test_lines_of_white_space_are_blank_and_runs_of_it_are_one_space() -> None:
    text = "\n \t\nOne \t two\n\u00a0\u2003\n three\u2028four \n\n\n"
    assert list(documents_of(text)) == [["One two"], ["three four"]]


@given(st.lists(st.lists(st.text("ab é", min_size=1).filter(str.strip), min_size=1), min_size=1))
def test_units_of_any_size_hold_the_same_documents(documents: list[list[str]]) -> None:
    text = "\n\n".join("\n".join(document) for document in documents).encode()
    for size in (1, 7, 64):
        stream = TextStream(Path("given"), "paragraph")
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(text_module, "UNIT_BYTES", size)
            blocks = [text[i : i + 5] for i in range(0, len(text), 5)]
            patch.setattr(text_module, "_blocks", lambda path, advance, b=blocks: iter(b))
            stretches = list(stream._stretches(ignore, Counter()))
        assert b"".join(stretches) == text
        found = [d for s in stretches for d in documents_of(s.decode())]
        assert found == [[" ".join(line.split()) for line in d] for d in documents]


def test_a_file_is_never_in_memory_as_a_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(text_module, "UNIT_BYTES", 1000)
    source = one(write(tmp_path / "a.txt", b"A sentence.\nMore of it.\n\n" * 1000), "paragraph")
    sizes = [len(unit.content) for unit in units_of([source], ignore)]
    assert len(sizes) > 20
    assert max(sizes) < 2000


def test_a_text_without_blank_lines_is_cut_at_line_ends_and_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(text_module, "UNIT_BYTES", 100)
    monkeypatch.setattr(text_module, "LONGEST_DOCUMENT_BYTES", 300)
    source = one(write(tmp_path / "a.txt", b"A line of text.\n" * 100), "sentence")
    counts: Counter[str] = Counter()
    documents = read(source, counts)
    assert len(documents) > 4
    assert {line for document in documents for line in document} == {"A line of text."}
    assert counts["cut_documents"] == len(documents) - 1


def test_a_single_endless_line_is_cut_between_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(text_module, "UNIT_BYTES", 100)
    monkeypatch.setattr(text_module, "LONGEST_DOCUMENT_BYTES", 300)
    documents = read(one(write(tmp_path / "a.txt", "wörd ".encode() * 500), "sentence"))
    assert {word for (line,) in documents for word in line.split()} == {"wörd"}


def test_a_single_endless_word_is_cut_between_characters(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(text_module, "UNIT_BYTES", 100)
    monkeypatch.setattr(text_module, "LONGEST_DOCUMENT_BYTES", 100)
    documents = read(one(write(tmp_path / "a.txt", "中".encode() * 500), "sentence"))
    assert "".join(line for (line,) in documents) == "中" * 500


def test_undecodable_bytes_are_replaced_and_counted() -> None:
    assert decode("é \ufffd".encode()) == ("é \ufffd", 0)
    assert decode(b"caf\xe9 \xef\xbf\xbd and \xff.") == ("caf\ufffd \ufffd and \ufffd.", 2)


def test_progress_counts_the_bytes_on_disk(tmp_path: Path) -> None:
    source = one(write(tmp_path / "a.txt.gz", TWO_DOCUMENTS * 5000), "paragraph")
    seen: list[int] = []
    list(units_of([source], seen.append))
    (stream,) = source.streams
    assert sum(seen) == stream.size() == (tmp_path / "a.txt.gz").stat().st_size


def test_folders_and_globs_give_their_files_in_the_order_of_their_paths(tmp_path: Path) -> None:
    for name in ("b.txt", "a/z.txt.gz", "a/b.txt", "ab.txt"):
        write(tmp_path / name, f"{name} is here. It is.".encode())
    write(tmp_path / "notes.md", b"No corpus.")
    expected = ["a/b.txt", "a/z.txt.gz", "ab.txt", "b.txt"]
    (folder,) = text_sources([tmp_path])
    assert [path.relative_to(tmp_path).as_posix() for path in folder.files] == expected
    (pattern,) = text_sources([str(tmp_path / "**" / "*.txt*")])
    assert sorted(pattern.files) == sorted(folder.files)
    (markdown,) = text_sources([str(tmp_path / "*.md")])
    assert [path.name for path in markdown.files] == ["notes.md"]


def test_a_name_with_brackets_is_a_file_before_it_is_a_pattern(tmp_path: Path) -> None:
    path = write(tmp_path / "a[1].txt")
    assert one(path).files == (path,)


def test_lines_are_told_apart_by_how_many_hold_several_sentences(tmp_path: Path) -> None:
    paragraphs = b"He came. He saw it all.\nShe went home. It rained.\n\n" * 50
    sentences = paragraphs.replace(b". ", b".\n")
    found = [
        one(write(tmp_path / f"{i}.txt", text)) for i, text in enumerate((paragraphs, sentences))
    ]
    assert [source.lines for source in found] == ["paragraph", "sentence"]
    assert "100 of the first 100 lines" in str(found[0].detected)
    assert one(tmp_path / "0.txt", "sentence").lines == "sentence"
    assert one(tmp_path / "0.txt", "sentence").detected is None


def test_inputs_that_match_nothing_are_errors_that_name_them(tmp_path: Path) -> None:
    for path, message in (
        (tmp_path / "absent.txt", "absent.txt: no such file"),
        (tmp_path / "*.txt", r"\*.txt: the pattern matches no file"),
        (tmp_path, r"holds no \.txt or \.txt\.gz file"),
    ):
        with pytest.raises(DataError, match=message):
            text_sources([path])
    with pytest.raises(DataError, match="no input"):
        text_sources([])


def test_a_file_given_twice_is_an_error(tmp_path: Path) -> None:
    path = write(tmp_path / "a.txt")
    (tmp_path / "link.txt").symlink_to(path)
    with pytest.raises(DataError, match=r"given twice.*a\.txt.*\*"):
        text_sources([path, tmp_path / "*.txt"])


@pytest.mark.parametrize("name", ["empty.txt", "blank.txt", "blank.txt.gz"])
def test_a_source_without_text_is_an_error_that_names_it(tmp_path: Path, name: str) -> None:
    path = write(tmp_path / name, b"" if "empty" in name else b"\n \n\t\n")
    with pytest.raises(DataError, match=f"{name}: there is no text"):
        read(one(path, "sentence"))


def test_an_empty_file_among_others_is_counted(tmp_path: Path) -> None:
    write(tmp_path / "a.txt", b"")
    write(tmp_path / "b.txt")
    (source,) = text_sources([tmp_path])
    counts: Counter[str] = Counter()
    assert len(read(source, counts)) == 2
    assert counts["empty_files"] == 1
    assert source.describe()["files"] == 2


def test_a_truncated_or_damaged_gzip_file_is_an_error_that_names_it(tmp_path: Path) -> None:
    whole = gzip.compress(bytes(range(65, 91)) * 5000 + TWO_DOCUMENTS)
    damaged = bytearray(whole)
    damaged[len(whole) // 2] ^= 0xFF
    for name, content in (("cut.txt.gz", whole[:-20]), ("damaged.txt.gz", bytes(damaged))):
        path = tmp_path / name
        path.write_bytes(content)
        with pytest.raises(DataError, match=f"{name}: damaged gzip"):
            read(one(path, "sentence"))


def test_what_is_no_utf8_text_is_an_error(tmp_path: Path) -> None:
    binary = write(tmp_path / "image.txt", bytes(range(256)) * 50)
    with pytest.raises(DataError, match=r"image\.txt: does not look like UTF-8"):
        read(one(binary))
    wide = write(tmp_path / "wide.txt", "Some text. More.".encode("utf-16"))
    with pytest.raises(DataError, match=r"wide\.txt: is UTF-16"):
        read(one(wide))


def test_some_bad_bytes_and_nul_bytes_are_no_error(tmp_path: Path) -> None:
    path = write(tmp_path / "a.txt", b"caf\xe9 is a word here. \0 So it is, and so on.\n")
    assert read(one(path)) == [["caf\ufffd is a word here. \0 So it is, and so on."]]


def test_another_kind_of_line_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="'words'"):
        one(write(tmp_path / "a.txt"), "words")

"""Statements of an experiment keep the place that they came from."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bert_jax.errors import UserError
from bert_jax.recipes.overrides import Macro, Override
from bert_jax.recipes.statements import Origin, override_binding, read_statements


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def read(path: Path) -> list[tuple[str, object, str, int]]:
    bindings = read_statements(path, path.parent / "root")
    return [(b.key, b.value, b.origin.path.name, b.origin.line) for b in bindings if b.origin.path]


def error_of(path: Path) -> str:
    with pytest.raises(UserError) as caught:
        read_statements(path, path.parent / "root")
    return str(caught.value)


def test_each_statement_has_its_file_and_line(tmp_path: Path) -> None:
    path = write(
        tmp_path / "a.gin",
        "# a comment\n\nA.x = 1\nB.y = (\n    2,\n    3)\n\nA:\n  y = 'two'\n  z = %M\nM = -1e-4\n",
    )
    assert read(path) == [
        ("A.x", 1, "a.gin", 3),
        ("B.y", (2, 3), "a.gin", 4),
        ("A.y", "two", "a.gin", 9),
        ("A.z", Macro("M"), "a.gin", 10),
        ("M", -1e-4, "a.gin", 11),
    ]


def test_included_statements_come_where_the_include_stands(tmp_path: Path) -> None:
    write(tmp_path / "root" / "sub" / "shared.gin", "A.x = 2\n")
    write(tmp_path / "beside.gin", "include 'sub/shared.gin'\nA.x = 3\n")
    path = write(tmp_path / "a.gin", "A.x = 1\ninclude 'beside.gin'\nA.x = 4\n")
    assert [row[1:] for row in read(path)] == [
        (1, "a.gin", 1),
        (2, "shared.gin", 1),
        (3, "beside.gin", 2),
        (4, "a.gin", 3),
    ]


def test_a_file_beside_the_including_one_comes_before_a_shipped_one(tmp_path: Path) -> None:
    write(tmp_path / "root" / "m.gin", "A.x = 'root'\n")
    write(tmp_path / "m.gin", "A.x = 'beside'\n")
    path = write(tmp_path / "a.gin", "include 'm.gin'\n")
    assert read(path)[0][1] == "beside"


def test_a_file_may_be_included_twice_but_not_in_a_circle(tmp_path: Path) -> None:
    write(tmp_path / "b.gin", "A.x = 1\n")
    twice = write(tmp_path / "twice.gin", "include 'b.gin'\ninclude 'b.gin'\n")
    assert len(read(twice)) == 2
    write(tmp_path / "d.gin", "\ninclude 'c.gin'\n")
    circle = write(tmp_path / "c.gin", "include 'd.gin'\n")
    assert "d.gin:2: files include each other in a circle: c.gin -> d.gin -> c.gin" in error_of(
        circle
    )


def test_a_missing_include_names_the_line_and_the_nearest_file(tmp_path: Path) -> None:
    write(tmp_path / "root" / "model" / "tiny.gin", "")
    path = write(tmp_path / "a.gin", "\ninclude 'model/tinny.gin'\n")
    message = error_of(path)
    assert "a.gin:2: there is no 'model/tinny.gin'" in message
    assert message.endswith("did you mean model/tiny.gin?")


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("A.x = 1\nA.y == 2\n", 2, "cannot be read as gin: 'A.y == 2'"),
        ("A.x = adamw\n", 1, "a string needs quotes: 'adamw'"),
        ("A.x = true\n", 1, "write True"),
        ("A.x\n", 1, "cannot be read as gin"),
        ("A.x =\n", 1, "cannot be read as gin"),
        ("A.x = \nA.y = 3\n", 1, "cannot be read as gin"),
        ("A.x = 3 4\n", 1, "expected newline"),
        ("\n\nA.x = (1,\n", 3, "ends inside"),
        ("A.x = '''abc\n", 1, "ends inside"),
        ("A:\n  x = 1\n y = 2\n", 3, "unindent"),
        ("\nA.x = @foo()\n", 2, "@foo is a reference"),
        ("import os\n", 1, "cannot import"),
        ("\nfrom os import path\n", 2, "cannot import ('from os import path')"),
        ("A.x = 1e999\n", 1, "A.x is inf; it must be a finite number"),
        ("A.x = [1, {'a': b'bytes'}]\n", 1, "b'bytes'"),
        ("include 3\n", 1, "expected file path"),
    ],
)
def test_what_cannot_be_read_is_an_error_with_its_line(
    tmp_path: Path, text: str, line: int, words: str
) -> None:
    message = error_of(write(tmp_path / "bad.gin", text))
    assert f"bad.gin:{line}: " in message
    assert words in message
    assert "\n" not in message


def test_a_file_that_is_no_text_is_an_error_that_names_it(tmp_path: Path) -> None:
    path = tmp_path / "bad.gin"
    path.write_bytes(b"A.x = '\xff'\n")
    assert "bad.gin is no text in UTF-8" in error_of(path)


def test_an_editors_mark_and_its_line_ends_change_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.gin"
    path.write_bytes(b"\xef\xbb\xbfA.x = 1\r\nA.y = 2\r\n")
    assert read(path) == [("A.x", 1, "a.gin", 1), ("A.y", 2, "a.gin", 2)]


def test_an_empty_file_has_no_statements(tmp_path: Path) -> None:
    assert read(write(tmp_path / "a.gin", "")) == []
    assert read(write(tmp_path / "b.gin", "# only a comment")) == []


def test_a_value_that_gin_cannot_write_is_an_error_that_names_the_flag() -> None:
    with pytest.raises(UserError, match=r"^--gin.A.x=\{1, 2\}: A.x is"):
        override_binding(Override.parse("A.x={1, 2}"))


def test_an_origin_reads_like_a_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert str(Origin(path=tmp_path / "sub" / "a.gin", line=3)) == "sub/a.gin:3"
    assert str(Origin(path=tmp_path.parent / "b.gin", line=1)) == f"{tmp_path.parent}/b.gin:1"
    assert str(Origin(flag="--steps")) == "--steps"
    assert str(Origin()) == "default"
    assert [Origin().kind, Origin(flag="--x").kind] == ["default", "command line"]


PIECES = (
    *(
        "TrainConfig",
        ".",
        "num_steps",
        " = ",
        "1",
        "'x'",
        '"""',
        "'",
        "\\\n",
        "\n",
        "    ",
        "%",
        "@",
    ),
    *("(", ")", "[", "{", "}", ":", ",", "#", "include ", "import ", "-", "1e999", "0x", "b'a'"),
    *("/", "$", "\x00", "\f", "é", "\ufeff", "...", "lambda"),
)


@settings(max_examples=200, deadline=None)
@given(text=st.lists(st.sampled_from(PIECES), max_size=12).map("".join) | st.text(max_size=20))
def test_any_text_is_read_or_refused_in_one_line(
    text: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("any") / "any.gin"
    path.write_text(text, encoding="utf-8")
    message = ""
    try:
        read_statements(path, path.parent)
    except UserError as error:
        message = str(error)
    assert not message or "any.gin:" in message
    assert "\n" not in message

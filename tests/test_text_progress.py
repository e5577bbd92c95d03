"""How far a command is with a long file: a bar from its beginning on, and none for a short one."""

import pytest

from bert_jax.commands.text_progress import progress_of


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "texts.txt"
    path.write_text("the cat\n\nthe dog\n")
    return str(path)


def test_what_is_begun_ends_with_one_line_of_all_texts(file, capsys):
    with progress_of(file, "embed", alone=True) as progress:
        progress.begin()
        progress.advance(2)
        progress.advance(1)
    assert capsys.readouterr().err.startswith("embed: 3 texts in 0:00")


def test_of_a_stream_only_what_is_done_is_known(capsys):
    with progress_of("-", "tag", alone=True) as progress:
        progress.begin()
        progress.advance(2)
    assert capsys.readouterr().err.startswith("tag: 2 texts in 0:00")


@pytest.mark.parametrize(("begun", "alone", "has_file"), [(0, 1, 1), (1, 0, 1), (1, 1, 0)])
def test_nothing_is_shown_of_little_or_beside_answers_or_of_arguments(
    file, capsys, begun, alone, has_file
):
    with progress_of(file if has_file else None, "embed", alone=bool(alone)) as progress:
        if begun:
            progress.begin()
        progress.advance(3)
    assert capsys.readouterr().err == ""

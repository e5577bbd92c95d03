"""A folder that is written into: whole under its name, or nowhere."""

import contextlib
import os
from pathlib import Path
from typing import Any

import pytest

from bert_jax.convert.new_folder import check_new, new_folder
from bert_jax.errors import UserError


def fill(folder: Path) -> None:
    """What a writer might leave: files, and folders in it."""
    (folder / "sub" / "deep").mkdir(parents=True)
    (folder / "sub" / "deep" / "x").write_text("x")
    (folder / "a").write_text("a")


def everything(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


FILLED = ["a", "sub", "sub/deep", "sub/deep/x"]


@pytest.mark.parametrize("name", ["m", "m/", "./m", "not/there/m", "not/../m", "ä b\n"])
def test_a_folder_gets_its_name_with_all_its_files(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "not").mkdir()
    with new_folder(Path(name)) as folder:
        fill(folder)
        assert not Path(name).exists()
        assert folder.parent.resolve() == Path(name).parent.resolve()
    assert everything(Path(name)) == FILLED
    assert not [path for path in tmp_path.rglob(".*") if path.is_dir()]


def test_an_empty_folder_takes_part_in_it_and_stays_where_it_fails(tmp_path: Path) -> None:
    dest = tmp_path / "m"
    dest.mkdir()
    with contextlib.suppress(ValueError), new_folder(dest) as folder:
        fill(folder)
        raise ValueError
    assert everything(tmp_path) == ["m"]
    with new_folder(dest) as folder:
        fill(folder)
    assert everything(dest) == FILLED


@pytest.mark.parametrize("error", [ValueError, UserError, OSError, KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("parent", ["", "a/b/c"])
def test_whatever_stops_it_nothing_is_left_not_even_the_parents_that_it_made(
    error: type[BaseException], parent: str, tmp_path: Path
) -> None:
    with pytest.raises(error), new_folder(tmp_path / parent / "m") as folder:
        fill(folder)
        raise error("no")
    assert everything(tmp_path) == []


def test_a_parent_that_somebody_else_uses_by_then_stays(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no"), new_folder(tmp_path / "a" / "b" / "m") as folder:
        fill(folder)
        (tmp_path / "a" / "theirs").write_text("theirs")
        raise ValueError("no")
    assert everything(tmp_path) == ["a", "a/theirs"]


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("full", "is there and not empty"),
        ("file", "is there and no folder"),
        ("pipe", "is there and no folder"),
        ("link", "is there and no folder"),
        ("link to full", "is there and no folder"),
        ("dangling", "is there and no folder"),
        ("file/m", "file is a file, and must be a folder"),
        ("file/a/b", "file is a file, and must be a folder"),
    ],
)
def test_what_is_in_the_way_is_named_and_not_touched(what: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "empty").mkdir()
    for path in (tmp_path / "full" / "mine", tmp_path / "file"):
        path.write_text("mine")
    os.mkfifo(tmp_path / "pipe")
    for name, target in (("link", "empty"), ("link to full", "full"), ("dangling", "gone")):
        (tmp_path / name).symlink_to(target)
    before = everything(tmp_path)
    for use in (check_new, lambda dest: new_folder(dest).__enter__()):
        with pytest.raises(UserError, match=said) as caught:
            use(tmp_path / what)
        assert str(tmp_path) in str(caught.value)
    assert everything(tmp_path) == before


def test_a_link_to_a_folder_may_be_its_parent(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "link").symlink_to("disk")
    with new_folder(tmp_path / "link" / "m") as folder:
        fill(folder)
    assert everything(tmp_path / "disk" / "m") == FILLED


@pytest.mark.parametrize("theirs", ["file", "full"])
def test_what_somebody_else_puts_there_meanwhile_stays(theirs: str, tmp_path: Path) -> None:
    dest = tmp_path / "m"
    with pytest.raises(OSError, match="m"), new_folder(dest) as folder:
        fill(folder)
        if theirs == "file":
            dest.write_text("theirs")
        else:
            dest.mkdir()
            (dest / "x").write_text("theirs")
    assert everything(tmp_path) == (["m"] if theirs == "file" else ["m", "m/x"])


def test_where_no_folder_can_be_made_nothing_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = Path.mkdir

    # Root may write everywhere, so that taking rights away would show nothing where it runs tests.
    def refuse(path: Path, *args: Any, **named: Any) -> None:
        if path.name.startswith("."):
            raise PermissionError(13, "Permission denied", str(path))
        made(path, *args, **named)

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(PermissionError), new_folder(tmp_path / "m"):
        pytest.fail("there is a folder to write into")
    with pytest.raises(OSError, match="name too long"), new_folder(tmp_path / ("m" * 300)):
        pytest.fail("there is a folder to write into")
    assert everything(tmp_path) == []


def test_two_of_the_same_name_do_not_share_a_folder_and_the_first_to_end_has_it(
    tmp_path: Path,
) -> None:
    dest = tmp_path / "m"
    with pytest.raises(OSError, match="not empty"), new_folder(dest) as late:
        with new_folder(dest) as early:
            fill(early)
        assert everything(late) == []
    assert everything(dest) == FILLED
    assert everything(tmp_path) == ["m", *(f"m/{name}" for name in FILLED)]

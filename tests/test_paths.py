import os
from pathlib import Path

import pytest

from data_pipeline.errors import DataError
from data_pipeline.paths import check_can_be_made, check_name


@pytest.mark.parametrize("name", [os.fsdecode(b"caf\xe9"), "a\0b"])
def test_a_name_that_no_manifest_can_hold_is_an_error_that_can_be_printed(name: str) -> None:
    with pytest.raises(DataError, match="its name is no UTF-8, or holds a NUL") as error:
        check_name(Path(name))
    assert str(error.value).encode().isascii()
    check_name(Path("café"))


def test_a_folder_that_cannot_be_made_is_an_error_and_nothing_is_left(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match=r"x: cannot be made: .*/file is a file"):
        check_can_be_made(tmp_path / "file" / "deep" / "x")
    with pytest.raises(DataError, match="x: cannot be made: nothing can be written in /proc: "):
        check_can_be_made(Path("/proc/new/x"))  # for root too
    check_can_be_made(tmp_path / "new" / "x")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]

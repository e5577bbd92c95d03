"""A new folder that is there with all its files, or not at all."""

import contextlib
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

from bert_jax.errors import UserError


def check_new(dest: Path) -> None:
    """Raise `UserError` where a folder cannot be made because something is there."""
    if dest.is_dir() and not dest.is_symlink():
        if any(dest.iterdir()):
            raise UserError(f"{dest} is there and not empty; give the name of a new folder")
    elif dest.exists() or dest.is_symlink():
        raise UserError(f"{dest} is there and no folder; give the name of a new one")
    for parent in dest.parents:
        if parent.exists():
            if not parent.is_dir():
                raise UserError(f"{dest}: {parent} is a file, and must be a folder")
            return


@contextlib.contextmanager
def new_folder(dest: Path) -> Iterator[Path]:
    """A folder to write into, which gets its name when the block ends well; else it goes.

    Args:
      dest: its name; an empty folder may be there.

    Raises:
      UserError: something else is there.
      OSError: it cannot be made.
    """
    check_new(dest)
    dest = dest.absolute()
    made = [parent for parent in dest.parents if not parent.exists()]
    temporary = dest.with_name(f".{dest.name}.{secrets.token_hex(8)}")
    try:
        temporary.mkdir(parents=True)
        yield temporary
        if dest.is_dir():
            dest.rmdir()
        temporary.rename(dest)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        with contextlib.suppress(OSError):
            for parent in made:
                parent.rmdir()
        raise

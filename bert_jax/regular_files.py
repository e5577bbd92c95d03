"""Refuses what is called as a file is and is none: to open a named pipe may never end."""

import os
import stat
from pathlib import Path

from bert_jax.errors import UserError

_KINDS = {
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def irregular(path: Path) -> str | None:
    """What a path is where it is neither a file nor a folder, nor nothing; links are followed."""
    try:
        return _KINDS.get(stat.S_IFMT(path.stat().st_mode))
    except OSError:
        # Nothing, or what its reader says better: a name that is too long, say, for which pathlib's
        # question is an error.
        return "a link that leads nowhere" if os.path.islink(path) else None


def check_regular(path: Path) -> None:
    """Raise `UserError` where a path is there and is neither a file nor a folder."""
    if kind := irregular(path):
        raise UserError(f"{path} is no regular file but {kind}; put the file itself there")

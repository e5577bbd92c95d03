"""Huge pages for the large blocks that a training step on a CPU asks of the C library.

XLA takes a step's temporaries, hundreds of megabytes, from `malloc` and gives them back at its end.
The C library returns such blocks to the system at once, so that each step has its memory mapped and
zeroed anew, 4 KB at a time: a sixth of the time of BERT-mini's step on two cores
(`docs/performance.md`). With pages of 2 MB that cost is gone. Where the system gives them only to
those who ask (`madvise`, the default of many distributions), glibc asks if it is told to when a
program starts, and at no other time.
"""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

_SYSTEM = Path("/sys/kernel/mm/transparent_hugepage/enabled")
_VARIABLE = "GLIBC_TUNABLES"
_TUNABLE = "glibc.malloc.hugetlb"
_FIRST_GLIBC = (2, 35)


def restart_with_huge_pages() -> None:
    """Replace this process by the same command with huge pages, where that helps.

    Does nothing where the variable is set already, whatever its value: so it happens once, and
    `GLIBC_TUNABLES=glibc.malloc.hugetlb=0` turns it off.
    """
    try:
        system, libc = _SYSTEM.read_text(), os.confstr("CS_GNU_LIBC_VERSION") or ""
    except (OSError, ValueError, AttributeError):
        return  # not Linux, or not glibc
    environment = environment_with_huge_pages(os.environ, system, libc)
    if environment is not None and sys.executable:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], environment)


def environment_with_huge_pages(
    environment: Mapping[str, str], system: str, libc: str
) -> dict[str, str] | None:
    """The environment to start with, or None where the present one is as good.

    Args:
      environment: the present one.
      system: the system's setting, as in `always [madvise] never`.
      libc: name and version of the C library, as in `glibc 2.36`.
    """
    name, _, version = libc.partition(" ")
    parts = version.split(".")[:2]
    if name != "glibc" or not all(part.isdecimal() for part in parts):
        return None
    present = environment.get(_VARIABLE, "")
    if tuple(map(int, parts)) < _FIRST_GLIBC or "[madvise]" not in system or _TUNABLE in present:
        return None
    tunables = [present] if present else []
    return {**environment, _VARIABLE: ":".join([*tunables, f"{_TUNABLE}=1"])}


def environment_without(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment as somebody has it who has not asked for huge pages."""
    tunables = [
        tunable
        for tunable in environment.get(_VARIABLE, "").split(":")
        if tunable and not tunable.startswith(_TUNABLE)
    ]
    others = {name: value for name, value in environment.items() if name != _VARIABLE}
    return {**others, _VARIABLE: ":".join(tunables)} if tunables else others

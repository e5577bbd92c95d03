import os
import subprocess
import sys

import pytest

from bert_jax.huge_pages import environment_with_huge_pages, environment_without

ASKING = "always [madvise] never\n"
PRINT = """
import os, sys
from bert_jax import huge_pages
huge_pages._SYSTEM = huge_pages.Path(sys.argv[1])
print("started", flush=True)
huge_pages.restart_with_huge_pages()
print(os.environ["GLIBC_TUNABLES"], sys.argv[2:])
"""


def test_huge_pages_are_asked_for_where_the_system_gives_them_to_those_who_ask():
    found = environment_with_huge_pages({"HOME": "/"}, ASKING, "glibc 2.36")
    assert found == {"HOME": "/", "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"}


def test_other_tunables_stay():
    present = {"GLIBC_TUNABLES": "glibc.malloc.check=1"}
    found = environment_with_huge_pages(present, ASKING, "glibc 2.41")
    assert found == {"GLIBC_TUNABLES": "glibc.malloc.check=1:glibc.malloc.hugetlb=1"}
    assert environment_without(found) == present


@pytest.mark.parametrize(
    ("environment", "system", "libc"),
    [
        ({"GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"}, ASKING, "glibc 2.36"),
        ({"GLIBC_TUNABLES": "glibc.malloc.hugetlb=0"}, ASKING, "glibc 2.36"),
        ({}, "[always] madvise never", "glibc 2.36"),
        ({}, "always madvise [never]", "glibc 2.36"),
        ({}, ASKING, "glibc 2.34"),
        ({}, ASKING, "glibc 2.x"),
        ({}, ASKING, ""),
    ],
)
def test_nothing_is_asked_for_where_it_would_not_help_or_was_decided(environment, system, libc):
    assert environment_with_huge_pages(environment, system, libc) is None


def test_without_is_the_environment_before():
    assert environment_without({"A": "b"}) == {"A": "b"}
    asked = environment_with_huge_pages({"A": "b"}, ASKING, "glibc 2.36")
    assert environment_without(asked) == {"A": "b"}


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="huge pages are Linux's")
def test_a_command_starts_again_once_with_its_arguments(tmp_path):
    system = tmp_path / "enabled"
    system.write_text(ASKING)
    environment = environment_without(os.environ)
    command = [sys.executable, "-c", PRINT, str(system), "a b", "--flag=1"]
    found = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert found.stdout.splitlines() == [
        "started",
        "started",
        "glibc.malloc.hugetlb=1 ['a b', '--flag=1']",
    ]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="huge pages are Linux's")
def test_a_system_without_the_setting_is_left_alone(tmp_path):
    environment = {**environment_without(os.environ), "GLIBC_TUNABLES": "glibc.malloc.check=0"}
    command = [sys.executable, "-c", PRINT, str(tmp_path / "none")]
    found = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert found.stdout.splitlines() == ["started", "glibc.malloc.check=0 []"]

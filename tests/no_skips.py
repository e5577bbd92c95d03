"""A pytest plugin: with BERT_JAX_NO_SKIPS=1 in the environment, a skipped test fails the run.

`.ci/run` sets it where the reference data is at hand: a test that skips there would look green
without having looked. `make` loads this plugin always (`-p no_skips`).
"""

import os

import pytest

_skipped: list[str] = []


def _wanted() -> bool:
    return os.environ.get("BERT_JAX_NO_SKIPS", "") not in ("", "0")


def pytest_runtest_logreport(report):
    # An expected failure is reported as skipped too, but it did run.
    if report.skipped and not hasattr(report, "wasxfail"):
        _skipped.append(report.nodeid)


def pytest_collectreport(report):
    if report.skipped:
        _skipped.append(report.nodeid)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session):
    if _wanted() and _skipped and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter):
    if _wanted() and _skipped:
        terminalreporter.section("no test may be skipped (BERT_JAX_NO_SKIPS=1)", red=True)
        for name in _skipped:
            terminalreporter.line(name)

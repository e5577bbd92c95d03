"""Bars, plain lines and tables on standard error."""

import io
import os
import pty
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from step_metrics import METRICS

from bert_jax.terminal import Terminal


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def plain(clock):
    return Terminal(io.StringIO(), live=False, clock=clock)


def written(terminal):
    return terminal.stream.getvalue().splitlines()


def test_bytes_are_shown_in_a_unit_that_fits(plain, clock):
    with plain.progress("tokenising", 125_000_000, "B") as task:
        clock.now += 2
        task.advance(50_000_000)
        assert task.plain_line() == "tokenising: 50.0 MB of 125 MB, 25.0 MB/s, 0:03 left"
        clock.now += 3
        task.advance(75_000_000)
    assert written(plain) == ["tokenising: 125 MB in 0:05 (25.0 MB/s)"]


def test_plain_lines_come_every_few_seconds_and_once_at_the_end(plain, clock):
    with plain.progress("reading", 100, "files") as task:
        for _ in range(100):
            clock.now += 0.2
            task.advance()
    assert written(plain) == [
        "reading: 25/100 files, 5.00 files/s, 0:15 left",
        "reading: 75/100 files, 5.00 files/s, 0:05 left",
        "reading: 100 files in 0:20 (5.00 files/s)",
    ]


def test_plain_lines_grow_rarer_in_a_long_part(plain, clock):
    with plain.progress("training", None, "steps") as task:
        for _ in range(3600):
            clock.now += 1
            task.advance()
    assert 60 < len(written(plain)) < 66


def test_the_time_left_ignores_what_came_before_the_first_advance(plain, clock):
    with plain.progress("training", 1100, "steps") as task:
        clock.now += 60  # compiling
        task.advance(100)  # a resumed run
        for _ in range(60):
            clock.now += 0.5
            task.advance(10)
        assert task.rate() == pytest.approx(20.0)
        assert "0:20 left" in task.plain_line()


def test_the_time_left_follows_a_change_of_speed(plain, clock):
    with plain.progress("tokenising", 10_000, "documents") as task:
        for _ in range(100):
            clock.now += 1
            task.advance(10)
        for _ in range(40):
            clock.now += 1
            task.advance(100)
        assert task.rate() == pytest.approx(100, rel=0.02)


def test_a_part_that_fails_says_where_it_stopped(plain, clock):
    with pytest.raises(OSError), plain.progress("reading", 5, "files") as task:
        task.advance(2)
        clock.now += 3
        raise OSError("gone")
    assert written(plain) == ["reading: stopped at 2/5 files after 0:03"]


def test_a_part_without_a_total_shows_the_time_so_far(plain, clock):
    with plain.progress("reading", None, "files") as task:
        clock.now += 2
        task.advance(4)
        assert task.plain_line() == "reading: 4 files, 2.00 files/s, 0:02 so far"


def test_the_header_is_repeated_every_twenty_lines(plain):
    for step in range(1, 42):
        plain.training_line(METRICS | {"step": step}, 3000)
    headers = [i for i, line in enumerate(written(plain)) if "NSP" in line]
    assert headers == [0, 21, 42]


def test_a_run_without_pairs_has_no_columns_of_them(plain):
    line = {name: value for name, value in METRICS.items() if not name.startswith("nsp_")}
    plain.training_line(line, 3000)
    plain.evaluation_line({"step": 9, "eval_mlm_loss": 4.9}, {"mlm": {"unigram_entropy": 6.2}})
    header, *_ = written(plain)
    assert "NSP" not in header
    assert all(
        row[: header.index("MLM") + 3].endswith(x)
        for row, x in zip(written(plain)[1:], ("6.123", "4.900", "6.200"), strict=True)
    )


def test_an_evaluation_stands_above_what_it_has_to_beat(plain):
    plain.training_line(METRICS, 3000)
    plain.evaluation_line(
        {"step": 1200, "eval_loss": 5.4, "eval_mlm_loss": 4.9, "eval_nsp_accuracy": 0.724},
        {
            "mlm": {"unigram_entropy": 6.213, "commonest_accuracy": 0.052},
            "nsp": {"majority_share": 0.541},
        },
    )
    header, _, evaluation, to_beat = written(plain)
    assert evaluation.split() == ["eval", "1200", "5.400", "4.900", "72.4%"]
    assert to_beat.split() == ["to", "beat", "6.213", "5.2%", "0.690", "54.1%"]
    for head, row, value in [
        ("MLM", evaluation, "4.900"),
        ("MLM", to_beat, "6.213"),
        ("NSP", to_beat, "0.690"),
    ]:
        end = header.index(head) + len(head)
        assert row[:end].endswith(value)


def test_an_evaluation_given_as_a_training_line_is_shown_as_what_it_is(plain):
    plain.training_line({"step": 5, "eval_loss": 5.4}, 3000)
    assert written(plain)[1].split() == ["eval", "5", "5.400"]


def test_an_evaluation_before_any_training_line_has_a_header_too(plain):
    plain.evaluation_line({"step": 5, "eval_loss": 5.4})
    assert "loss" in written(plain)[0]
    assert written(plain)[1].split() == ["eval", "5", "5.400"]


def test_a_part_that_counts_nothing_is_done_all_the_same(plain, clock):
    with plain.progress("planning", None, "pairs"):
        clock.now += 2
    assert written(plain) == ["planning: done in 0:02"]


def test_a_part_that_ends_early_says_how_far_it_came(plain, clock):
    with plain.progress("training", 100, "steps") as task:
        clock.now += 2
        task.advance(40)
    assert written(plain) == ["training: 40/100 steps in 0:02 (20.0 steps/s)"]


def test_a_silent_terminal_shows_nothing(capfd):
    terminal = Terminal.silent()
    with terminal.progress("reading", 1, "files") as task:
        task.advance()
    terminal.training_line(METRICS, 3000)
    assert capfd.readouterr() == ("", "")


@given(
    width=st.integers(20, 200),
    done=st.integers(0, 10**9),
    total=st.one_of(st.none(), st.integers(1, 10**9)),
    note=st.text(st.characters(codec="ascii", categories=["L"]), max_size=60),
)
def test_a_bar_never_overflows_its_line(width, done, total, note):
    terminal = Terminal(io.StringIO(), live=False, clock=Clock())
    with terminal.progress("learning the vocabulary", total, "documents") as task:
        task.advance(done)
        task.note(note)
        assert len(task.bar_line(width)) <= width
        assert len(task.bar_line(width, ascii_only=True)) <= width


def test_a_bar_is_full_when_all_is_done(plain, clock):
    with plain.progress("reading", 10, "files") as task:
        clock.now += 1
        task.advance(5)
        half = task.bar_line(80)
        task.advance(5)
        full = task.bar_line(80)
    assert "━" in half
    assert "─" in half
    assert "─" not in full


SCRIPT = """
import sys, time
from bert_jax.terminal import Terminal
terminal = Terminal()
with terminal.progress("reading", 20, "files") as task:
    for i in range(20):
        task.advance()
        time.sleep(0.03)
    terminal.print("above the bar")
    print("a result")
"""


def test_on_a_terminal_a_bar_is_drawn_and_standard_output_stays_clean():
    ours, theirs = pty.openpty()
    environment = os.environ | {"TERM": "xterm-256color", "COLUMNS": "80", "PYTHONUTF8": "1"}
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT], stderr=theirs, stdout=subprocess.PIPE, env=environment
    )
    os.close(theirs)
    shown = b""
    while True:
        try:
            piece = os.read(ours, 65536)
        except OSError:  # the other end was closed
            break
        if not piece:
            break
        shown += piece
    result = process.stdout.read()
    process.stdout.close()
    assert process.wait(timeout=60) == 0
    os.close(ours)
    text = shown.decode()
    assert result == b"a result\n"
    assert "━" in text
    assert "above the bar" in text
    assert "reading: 20 files in" in text
    assert "\x1b[?25l" in text
    assert text.rindex("\x1b[?25h") > text.rindex("\x1b[?25l"), "the cursor is back"


def test_a_long_line_is_wrapped_on_a_terminal_and_stays_one_line_in_a_log(clock):
    line = "  warning: the loss stands where it stood, and it should have left that long ago"
    log, live = Terminal(io.StringIO(), live=False), Terminal(io.StringIO(), live=True, width=40)
    for terminal in (log, live):
        terminal.print(line)
    assert written(log) == [line]
    assert written(live) == [
        "  warning: the loss stands where it",
        "    stood, and it should have left that",
        "    long ago",
    ]

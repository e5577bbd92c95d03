"""Formatting and the terminal's plain and live output."""

import io
import math
import os
import pty
import re
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bert_jax.formatting import (
    format_count,
    format_duration,
    format_evaluation_line,
    format_rate,
    format_training_header,
    format_training_line,
)
from bert_jax.terminal import Terminal

METRICS = {
    "step": 1200,
    "loss": 6.816,
    "mlm_loss": 6.123,
    "nsp_loss": 0.693,
    "mlm_accuracy": 0.1234,
    "nsp_accuracy": 0.501,
    "learning_rate": 1e-4,
    "grad_norm": 1.2345,
    "tokens_per_second": 18234.5,
    "input_wait": 0.0012,
}


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


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (0.1234, "0.123"),
        (1.5, "1.50"),
        (9.999, "10.0"),
        (99.96, "100"),
        (999.6, "1,000"),
        (1234.4, "1,234"),
        (9999.7, "10.0k"),
        (18234.5, "18.2k"),
        (999_600, "1.00M"),
        (1_234_000, "1.23M"),
        (5.6e9, "5.60G"),
        (math.nan, "nan"),
    ],
)
def test_a_rate_has_three_digits(value, text):
    assert format_rate(value) == text


@given(st.floats(min_value=0, max_value=1e14, exclude_max=True))
def test_a_rate_is_never_wider_than_its_column(value):
    assert len(format_rate(value)) <= 5


def test_a_count_is_exact_below_a_million():
    assert format_count(999_999) == "999,999"
    assert format_count(1_234_567) == "1.23M"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0:00"), (7.4, "0:07"), (59.7, "1:00"), (754, "12:34"), (3723, "1:02:03")],
)
def test_a_duration_reads_like_a_clock(seconds, text):
    assert format_duration(seconds) == text


@given(
    num_steps=st.integers(1, 1_000_000),
    loss=st.floats(0, 1e30),
    share=st.floats(0, 1),
    rate=st.floats(0, 1),
    norm=st.floats(0, 1e12),
    speed=st.floats(0, 1e12),
)
def test_a_training_line_fits_in_80_columns(num_steps, loss, share, rate, norm, speed):
    metrics = dict.fromkeys(METRICS, loss) | {
        "step": num_steps,
        "mlm_accuracy": share,
        "nsp_accuracy": share,
        "learning_rate": rate,
        "grad_norm": norm,
        "tokens_per_second": speed,
        "input_wait": share,
    }
    line = format_training_line(metrics, num_steps, 80)
    assert len(line) <= 80
    assert len(line.split()) == 10, "every column is there, and apart from its neighbours"


def test_a_training_line_holds_every_metric_under_its_head():
    header = format_training_header(3000, 80)
    line = format_training_line(METRICS, 3000, 80)
    shown = "1200/3000 6.816 6.123 12.3% 0.693 50.1% 1.00e-4 1.234 18.2k 0.1%"
    assert line.split() == shown.split()
    assert len(header.split()) == len(line.split())
    ends = [match.end() for match in re.finditer(r"\S+", header)]
    assert ends == [match.end() for match in re.finditer(r"\S+", line)]


def test_a_training_line_survives_a_loss_that_is_not_finite():
    line = format_training_line(METRICS | {"loss": math.nan, "grad_norm": math.inf}, 3000, 80)
    assert "nan" in line
    assert "inf" in line


def test_an_evaluation_line_stands_under_the_same_heads():
    evaluation = {"step": 1200} | {
        f"eval_{name}": METRICS[name]
        for name in ("loss", "mlm_loss", "nsp_loss", "mlm_accuracy", "nsp_accuracy")
    }
    training = format_training_line(METRICS, 3000, 80)
    line = format_evaluation_line(evaluation, 3000, 80)
    assert line.startswith("eval 1200")
    assert training[9 : len(line)] == line[9:]


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
    terminal.table(["a"], [["b"]])
    assert capfd.readouterr() == ("", "")


def test_a_table_aligns_numbers_to_the_right(plain):
    plain.table(["package", "words"], [["numpy", "1,234"], ["jax", "99"]])
    assert written(plain) == ["package  words", "numpy    1,234", "jax         99"]


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

"""Numbers as a person reads them, and the table of training."""

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from step_metrics import METRICS

from bert_jax.formatting import (
    format_alike,
    format_amount,
    format_baselines_line,
    format_count,
    format_duration,
    format_evaluation_line,
    format_probability,
    format_rate,
    format_training_header,
    format_training_line,
)
from bert_jax.pair_tasks import PAIR_TASKS


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
    ("n", "unit", "text"),
    [
        (1, "file", "1 file"),
        (2, "file", "2 files"),
        (0, "file", "0 files"),
        (12_345, "steps", "12,345 steps"),
        (1.0, "file", "1.00 files"),
        (512, "B", "512 B"),
        (1000, "B", "1.00 kB"),
        (7_331_234, "B", "7.33 MB"),
        (999_700, "B", "1.00 MB"),
        (0, "B", "0 B"),
    ],
)
def test_an_amount_agrees_with_its_unit(n, unit, text):
    assert format_amount(n, unit) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0:00"),
        (7.4, "0:07"),
        (59.7, "1:00"),
        (754, "12:34"),
        (3723, "1:02:03"),
        (172799, "47:59:59"),
    ],
)
def test_a_duration_reads_like_a_clock(seconds, text):
    assert format_duration(seconds) == text


def test_a_duration_of_two_days_or_more_is_in_days():
    days = [format_duration(86400 * n) for n in (2, 2.54, 9.96, 110, 12_000)]
    assert days == ["2.0 days", "2.5 days", "10 days", "110 days", "12,000 days"]


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
    header = format_training_header(3000, 80, PAIR_TASKS["next_sentence"])
    line = format_training_line(METRICS, 3000, 80)
    shown = "1200/3000 6.816 6.123 12.3% 0.693 50.1% 1.00e-4 1.234 18.2k 0.1%"
    assert line.split() == shown.split()
    assert len(header.split()) == len(line.split())
    ends = [match.end() for match in re.finditer(r"\S+", header)]
    assert ends == [match.end() for match in re.finditer(r"\S+", line)]


def test_a_table_has_the_columns_of_the_pair_task_that_there_is():
    common = {name: value for name, value in METRICS.items() if not name.startswith("nsp_")}
    assert "12.3% 1.00e-4" in " ".join(format_training_line(common, 3000, 80).split())
    assert format_training_header(3000, 80).split()[:5] == ["step", "loss", "MLM", "acc.", "lr"]
    assert len(format_training_header(3000, 80).split()) == 8
    swapped = common | {"sop_loss": 0.25, "sop_accuracy": 0.9}
    assert format_training_line(swapped, 3000, 80).split()[4:6] == ["0.250", "90.0%"]
    header = format_training_header(3000, 80, PAIR_TASKS["sentence_order"])
    assert header.split()[4:6] == ["SOP", "acc."]
    to_beat = {"mlm": {"unigram_entropy": 6.2, "commonest_accuracy": 0.05}}
    line = format_baselines_line(to_beat, 3000, 80)
    assert line.split() == ["to", "beat", "6.200", "5.0%"]
    line = format_baselines_line(to_beat | {"sop": {"majority_share": 0.5}}, 3000, 80)
    assert line.split()[4:] == ["0.693", "50.0%"]


def test_a_loss_of_a_run_that_diverged_has_digits_and_no_power_of_ten():
    line = format_training_line(METRICS | {"loss": 2345.6, "mlm_loss": 19876.5}, 3000, 80)
    assert "2,346" in line
    assert "19.9k" in line
    assert "e+" not in format_training_line(METRICS | {"loss": 619.05}, 3000, 80)


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


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (1.0, "100.0 %"),
        (0.3124, "31.2 %"),
        (0.01, "1.0 %"),
        (0.00994, "0.99 %"),
        (0.0004, "0.04 %"),
        (0.00005, "0.01 %"),
        (0.00004, "<0.01 %"),
        (0.0, "0.0 %"),
    ],
)
def test_a_probability_is_readable_when_it_is_small(share, text):
    assert format_probability(share) == text


@pytest.mark.parametrize(
    ("numbers", "texts"),
    [
        ([], []),
        ([0.0], ["0.0"]),
        ([1.04], ["1.0"]),
        ([0.096, 1234.5], ["0.1", "1,234.5"]),
        ([0.094], ["0.09"]),
        ([0.042, 12.06, 0], ["0.04", "12.06", "0.00"]),
        ([0.0000951], ["0.0001"]),
    ],
)
def test_numbers_of_a_column_have_as_many_decimals_as_the_smallest_needs(numbers, texts):
    assert format_alike(numbers) == texts


@given(st.lists(st.floats(1e-9, 1e6), min_size=1))
def test_no_number_of_a_column_is_shown_as_nothing(numbers):
    assert all(float(text.replace(",", "")) > 0 for text in format_alike(numbers))

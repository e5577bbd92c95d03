"""Sums, the JSON lines, and TensorBoard's events."""

import json
import math
import struct
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bert_jax.errors import UserError
from bert_jax.metrics import MetricsWriter, Sums, is_evaluation, read_metrics


def training(step, loss=1.5):
    return {"step": step, "loss": loss, "mlm_loss": loss}


def evaluation(step, loss=2.5):
    return {"step": step, "eval_loss": loss}


def write_lines(folder, lines, resume_step=None):
    with MetricsWriter(folder, resume_step) as writer:
        for line in lines:
            writer.write(line)


def read_events(folder):
    """(step, tag, value) of all events of a folder in the order of writing."""
    from tensorboardX.proto import event_pb2

    found = []
    for path in sorted(folder.iterdir(), key=lambda p: p.stat().st_mtime_ns):
        data = path.read_bytes()
        at = 0
        while at < len(data):
            (length,) = struct.unpack_from("<Q", data, at)
            event = event_pb2.Event.FromString(data[at + 12 : at + 12 + length])
            at += 12 + length + 4
            if event.HasField("session_log"):
                found.append((event.step, "restart", None))
            found += [(event.step, v.tag, v.simple_value) for v in event.summary.value]
    return found


@given(
    values=st.lists(st.tuples(st.floats(-1e6, 1e6), st.floats(0.01, 10)), min_size=1, max_size=30),
    parts=st.integers(1, 7),
)
def test_a_mean_does_not_depend_on_the_batches(values, parts):
    sums = Sums()
    for start in range(0, len(values), parts):
        part = values[start : start + parts]
        total = np.float64(sum(v * w for v, w in part))
        sums.add({"loss": (total, np.float64(sum(w for _, w in part)))})
    expected = sum(v * w for v, w in values) / sum(w for _, w in values)
    assert sums.means("eval_")["eval_loss"] == pytest.approx(expected, rel=1e-9, abs=1e-6)
    assert sums.counts()["loss"] == pytest.approx(sum(w for _, w in values))


def test_the_mean_of_nothing_is_not_a_number():
    sums = Sums()
    sums.add({"nsp_loss": (0.0, 0.0)})
    assert math.isnan(sums.means()["nsp_loss"])


def test_what_is_written_is_read_again_to_the_bit(tmp_path):
    loss = float(np.float32(1) / np.float32(3))
    write_lines(tmp_path, [training(1, np.float32(1) / np.float32(3)), evaluation(1)])
    assert read_metrics(tmp_path) == [training(1, loss), evaluation(1)]
    assert read_metrics(tmp_path / "metrics.jsonl") == read_metrics(tmp_path)


def test_a_line_is_on_the_disk_at_once(tmp_path):
    writer = MetricsWriter(tmp_path)
    writer.write(training(1))
    assert len((tmp_path / "metrics.jsonl").read_text().splitlines()) == 1
    assert read_events(tmp_path / "tensorboard" / "train")[-1][0] == 1
    writer.close()
    writer.close()


def test_numbers_that_are_not_finite_stay_valid_json(tmp_path):
    write_lines(tmp_path, [training(1, math.nan), training(2, math.inf), training(3, -math.inf)])

    def refuse(name):
        raise AssertionError(f"{name} is no JSON")

    for line in (tmp_path / "metrics.jsonl").read_text().splitlines():
        json.loads(line, parse_constant=refuse)
    losses = [line["loss"] for line in read_metrics(tmp_path)]
    assert math.isnan(losses[0])
    assert losses[1:] == [math.inf, -math.inf]


def test_a_resumed_run_has_each_step_once(tmp_path):
    write_lines(tmp_path, [training(1), training(2), evaluation(2), training(3), evaluation(4)])
    write_lines(tmp_path, [training(3, 9.0), training(4, 9.0)], resume_step=2)
    assert read_metrics(tmp_path) == [
        training(1),
        training(2),
        evaluation(2),
        training(3, 9.0),
        training(4, 9.0),
    ]


def test_a_half_written_line_is_cut_on_resume(tmp_path):
    write_lines(tmp_path, [training(1), training(2)])
    path = tmp_path / "metrics.jsonl"
    path.write_bytes(path.read_bytes()[:-7])
    assert read_metrics(path) == [training(1)]
    write_lines(tmp_path, [training(2)], resume_step=1)
    assert read_metrics(path) == [training(1), training(2)]


@given(cut=st.integers(0, 400), resume_step=st.integers(0, 6))
def test_a_file_cut_anywhere_can_be_resumed(tmp_path_factory, cut, resume_step):
    folder = tmp_path_factory.mktemp("run")
    path = folder / "metrics.jsonl"
    lines = [training(step) for step in range(1, 7)]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines)[:cut])
    before = read_metrics(path)
    assert before == lines[: len(before)]
    MetricsWriter(folder, resume_step).close()
    assert read_metrics(path) == before[:resume_step]


def test_a_damaged_line_is_an_error_that_names_it(tmp_path):
    path = tmp_path / "metrics.jsonl"
    path.write_text('{"step": 1}\n{"step": oh}\n{"step": 3}\n')
    with pytest.raises(UserError, match=r"metrics\.jsonl, line 2 "):
        MetricsWriter(tmp_path, resume_step=3)
    assert path.read_text().count("\n") == 3, "nothing was lost"


def test_a_run_that_starts_afresh_cuts_every_old_line(tmp_path):
    write_lines(tmp_path, [training(1), evaluation(0)])
    write_lines(tmp_path, [training(1, 3.0)])
    assert read_metrics(tmp_path) == [training(1, 3.0)]


def test_the_writer_knows_the_last_steps_that_it_kept(tmp_path):
    write_lines(tmp_path, [training(1), evaluation(2), training(2), training(3)])
    with MetricsWriter(tmp_path, resume_step=2) as writer:
        assert (writer.last_training_step, writer.last_evaluation_step) == (2, 2)
        writer.write(training(5))
        assert (writer.last_training_step, writer.last_evaluation_step) == (5, 2)


def test_tensorboard_has_the_same_names_for_training_and_evaluation(tmp_path):
    write_lines(tmp_path, [training(1, 1.5), evaluation(1, 2.5)])
    train = read_events(tmp_path / "tensorboard" / "train")
    assert [entry for entry in train if entry[1] != "restart"] == [
        (1, "loss", 1.5),
        (1, "mlm_loss", 1.5),
    ]
    assert read_events(tmp_path / "tensorboard" / "eval")[-1] == (1, "loss", 2.5)


def test_tensorboard_is_told_what_a_resumed_run_repeats(tmp_path):
    write_lines(tmp_path, [training(1), training(2), training(3)])
    write_lines(tmp_path, [training(3)], resume_step=2)
    steps = [entry[:2] for entry in read_events(tmp_path / "tensorboard" / "train")]
    assert steps[-3:] == [(3, "restart"), (3, "loss"), (3, "mlm_loss")]


def test_an_evaluation_is_told_from_training_by_its_prefix():
    assert is_evaluation(evaluation(3))
    assert not is_evaluation(training(3))


def test_importing_metrics_imports_neither_tensorboardx_nor_jax():
    code = (
        "import sys, bert_jax.metrics; print({'tensorboardX', 'jax', 'numpy'} & set(sys.modules))"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "set()"

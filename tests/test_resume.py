"""A run that was killed or stopped, and started again, is the run that was never interrupted.

With real processes, as a person would: `BERT_JAX_RESUME_ROUNDS=10` does it ten times over.
"""

import json
import os
import random
import signal
import subprocess
import sys
import time

import pytest
from small_runs import make_store

ROUNDS = int(os.environ.get("BERT_JAX_RESUME_ROUNDS", "1"))
STEPS = 60
# What depends on the clock.
TIMED = {"tokens_per_second", "input_wait"}
SETTINGS = {
    "BertConfig.hidden_size": 64,
    "BertConfig.intermediate_size": 128,
    "PretrainingObjective.max_length": 64,
    "PretrainingObjective.max_predictions": 10,
    "TrainConfig.num_steps": STEPS,
    "TrainConfig.batch_size": 16,
    "TrainConfig.warmup_steps": 10,
    "TrainConfig.log_every": 1,
    "TrainConfig.eval_every": 20,
    "TrainConfig.eval_examples": 16,
    "TrainConfig.checkpoint_every": 7,
}


def command(store, run_dir):
    settings = [f"--gin.{name}={value}" for name, value in SETTINGS.items()]
    program = [sys.executable, "-m", "bert_jax", "pretrain", "tiny"]
    return [*program, "--data", str(store), "--run_dir", str(run_dir), *settings]


# One device, as a machine without accelerators has: eight would share its cores.
ENVIRONMENT = {**os.environ, "XLA_FLAGS": "--xla_backend_optimization_level=0"}
# Reads what others compiled and writes nothing: half an entry would be left when it is killed.
INTERRUPTED = {**ENVIRONMENT, "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "1e9"}


def run(store, run_dir):
    program = command(store, run_dir)
    subprocess.run(program, check=True, capture_output=True, timeout=300, env=ENVIRONMENT)


def lines_of(run_dir):
    path = run_dir / "metrics.jsonl"
    return path.read_text().splitlines() if path.exists() else []


def record(run_dir):
    """Every line of metrics, less what depends on the clock."""
    found = [json.loads(line) for line in lines_of(run_dir)]
    return [{k: v for k, v in line.items() if k not in TIMED} for line in found]


def fingerprint(run_dir):
    inspect = [sys.executable, "-m", "bert_jax", "inspect", str(run_dir), "--json"]
    found = subprocess.run(inspect, check=True, capture_output=True, text=True, timeout=120)
    facts = json.loads(found.stdout)
    return facts["step"], facts["parameters_sha256"]


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return make_store(tmp_path_factory.mktemp("resume"))


@pytest.fixture(scope="module")
def uninterrupted(store):
    run_dir = store.parent / "uninterrupted"
    run(store, run_dir)
    return record(run_dir), fingerprint(run_dir)


@pytest.mark.parametrize(
    "number",
    [signal.SIGKILL, pytest.param(signal.SIGTERM, marks=pytest.mark.heavy)],
    ids=lambda n: n.name,
)
@pytest.mark.parametrize("attempt", range(ROUNDS))
def test_a_run_that_was_interrupted_ends_as_if_it_never_was(
    store, uninterrupted, tmp_path, number, attempt
):
    run_dir = tmp_path / "run"
    moment = random.Random(f"{number} {attempt}").randrange(3, STEPS - 5)
    with subprocess.Popen(
        command(store, run_dir),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=INTERRUPTED,
    ) as process:
        while process.poll() is None and len(lines_of(run_dir)) < moment:
            time.sleep(0.001)
        assert process.poll() is None, process.stdout.read().decode()
        process.send_signal(number)
        output = process.communicate(timeout=120)[0].decode()
    if number == signal.SIGKILL:
        assert process.returncode == -signal.SIGKILL
    else:
        assert process.returncode == 0, output
        assert "stopped by SIGTERM" in output
    assert len(lines_of(run_dir)) < len(uninterrupted[0])
    run(store, run_dir)
    lines, last = uninterrupted
    assert record(run_dir) == lines
    assert fingerprint(run_dir) == last == (STEPS, last[1])

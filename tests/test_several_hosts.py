"""Two real processes, joined by JAX, train as one does."""

import json
import os
import socket
import subprocess
import sys

import pytest

pytestmark = pytest.mark.heavy

TIMED = {"tokens_per_second", "input_wait"}


def start(store, run_dir, experiment, devices, variables):
    flags = f"--xla_force_host_platform_device_count={devices} --xla_backend_optimization_level=0"
    program = [sys.executable, "-m", "bert_jax", "pretrain", str(experiment)]
    return subprocess.Popen(
        [*program, "--data", str(store), "--run_dir", str(run_dir)],
        env={**os.environ, "XLA_FLAGS": flags, **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def finish(process):
    output = process.communicate(timeout=240)[0]
    assert process.returncode == 0, output
    return output


def metrics(run_dir):
    lines = [json.loads(line) for line in (run_dir / "metrics.jsonl").read_text().splitlines()]
    return [{k: v for k, v in line.items() if k not in TIMED} for line in lines]


def test_two_processes_of_four_devices_train_as_one_of_eight(tiny_run, tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    pair = [
        start(
            tiny_run.store,
            tmp_path / "two",
            tiny_run.experiment,
            4,
            {
                "JAX_COORDINATOR_ADDRESS": address,
                "JAX_NUM_PROCESSES": "2",
                "JAX_PROCESS_ID": str(number),
            },
        )
        for number in range(2)
    ]
    said = [finish(process) for process in pair]
    assert "on 2 hosts" in said[0]
    # The second process leaves the talking to the first.
    assert "training" not in said[1]
    one, two = metrics(tiny_run.run_dir), metrics(tmp_path / "two")
    assert len(one) == len(two) > 4
    for first, second in zip(one, two, strict=True):
        assert first == pytest.approx(second, rel=1e-5, abs=1e-6)

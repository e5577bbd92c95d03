"""On which devices a command computes, and that it never falls back silently."""

import os
import subprocess
import sys
from importlib.util import find_spec
from types import SimpleNamespace

import jax
import pytest

from bert_jax.devices import describe, facts, initialize
from bert_jax.errors import UserError


@pytest.mark.parametrize("platform", ["tpu", "gpu"])
@pytest.mark.skipif(
    any(find_spec(name) for name in ("libtpu", "jax_cuda13_plugin", "jax_cuda12_plugin")),
    reason="this machine may have an accelerator",
)
def test_a_platform_that_is_not_there_is_an_error_and_never_the_cpu(platform, tmp_path):
    command = [sys.executable, "-m", "bert_jax", "pretrain", "documentation_tiny"]
    done = subprocess.run(
        [*command, "--platform", platform, "--run_dir", "run"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    [line] = done.stderr.splitlines()
    assert line.startswith(f"error: --platform {platform} was asked for, and JAX finds no such")
    assert "bert-jax[tpu]" in line
    assert done.stdout == ""
    assert os.listdir(tmp_path) == []


def test_a_platform_that_is_asked_for_too_late_is_an_error_and_not_the_one_in_use():
    assert jax.devices()[0].platform == "cpu"
    with pytest.raises(UserError, match="already started on cpu"):
        initialize("tpu")
    jax.config.update("jax_platforms", "cpu")


def test_hosts_that_are_half_named_are_an_error_that_says_what_is_missing(monkeypatch):
    monkeypatch.setenv("JAX_COORDINATOR_ADDRESS", "127.0.0.1:1")
    monkeypatch.setenv("JAX_NUM_PROCESSES", "2")
    monkeypatch.delenv("JAX_PROCESS_ID", raising=False)
    with pytest.raises(
        UserError, match="JAX_PROCESS_ID must be whole numbers; they are '2' and ''"
    ):
        initialize()


def test_an_unknown_platform_is_an_error_that_names_the_known_ones():
    with pytest.raises(UserError, match=r"'tpux', it must be one of .*'cpu', 'gpu', 'tpu'"):
        initialize("tpux")


def test_devices_are_counted_by_kind():
    devices = initialize("cpu")
    assert len(devices) == 8
    assert describe(devices) == "cpu: 8 x cpu"
    h100, a100 = (SimpleNamespace(platform="gpu", device_kind=kind) for kind in ("H100", "A100"))
    assert describe([h100, h100, a100]) == "gpu: 2 x H100, 1 x A100"


def test_facts_are_what_can_change_the_last_bits_of_a_result():
    found = facts(jax.devices())
    assert found["platform"] == "cpu"
    assert found["devices"] == "cpu: 8 x cpu"
    assert found["processes"] == 1
    assert found["xla_flags"] == os.environ["XLA_FLAGS"]
    assert 1 <= found["cpu_count"] <= os.cpu_count()

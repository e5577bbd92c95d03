"""What every test runs under: 8 CPU devices, ranks never promoted, signals as in a terminal."""

import atexit
import os
import shutil
import signal
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

# Before JAX is imported anywhere. Processes that a test starts inherit both. Most of the suite's
# time is compiling, and models this small run as quickly from code that was not optimised.
os.environ["JAX_PLATFORMS"] = "cpu"
os.environ["XLA_FLAGS"] = (
    "--xla_force_host_platform_device_count=8 --xla_backend_optimization_level=0 "
    "--xla_cpu_parallel_codegen_split_count=1"
)
# What the processes of a session share, so that each need not make it anew.
if "PYTEST_XDIST_WORKER" not in os.environ:
    SHARED = tempfile.mkdtemp(prefix="bert_jax_tests_")
    atexit.register(shutil.rmtree, SHARED, ignore_errors=True)
    # What took XLA a while to compile. With a limit on the size (never reached) JAX locks the
    # folder, so that no process reads half of what another writes.
    os.environ["JAX_COMPILATION_CACHE_DIR"] = f"{SHARED}/compiled"
    os.environ["JAX_COMPILATION_CACHE_MAX_SIZE"] = str(2**32)
    os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0.2"
    # Python's bytecode, if it may not lie beside the sources: compiling the libraries that
    # `bert-jax pretrain` imports takes seconds.
    if sys.dont_write_bytecode:
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
        sys.dont_write_bytecode = False
        sys.pycache_prefix = os.environ["PYTHONPYCACHEPREFIX"] = f"{SHARED}/bytecode"

import jax
import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from small_runs import TinyRun

jax.config.update("jax_numpy_rank_promotion", "raise")

# How long an example takes says something of the machine's other work, not of the code. Half of the
# usual number of examples: the suite is run often, with others each time.
settings.register_profile(
    "suite", deadline=None, max_examples=50, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("suite")

# A shell without job control starts what it puts into the background with Ctrl-C ignored, and that
# is inherited; tests send it.
signal.signal(signal.SIGINT, signal.default_int_handler)

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The reference data; a test that needs it is skipped where it is absent."""
    folder = Path(os.environ.get("BERT_JAX_SHARED_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"the reference data is not at {folder}; set BERT_JAX_SHARED_DATA")
    return folder


@pytest.fixture(scope="session")
def tiny_run(tmp_path_factory: pytest.TempPathFactory) -> "TinyRun":
    """A finished run (`small_runs.make_tiny_run`); to read only."""
    from small_runs import make_tiny_run

    return make_tiny_run(tmp_path_factory.mktemp("tiny_run"))

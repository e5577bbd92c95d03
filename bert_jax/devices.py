"""Which devices a command computes on. Imported before anything starts a JAX backend."""

import os
import re
from typing import Any

import jax

from bert_jax.errors import UserError

PLATFORMS = ("cpu", "gpu", "tpu")


def initialize(platform: str | None = None) -> list[jax.Device]:
    """Start JAX on the platform that was asked for.

    Several hosts are joined first where JAX's own variables (`JAX_COORDINATOR_ADDRESS` and its
    like) say that there are some.

    Args:
      platform: `cpu`, `gpu` or `tpu`; None takes what JAX finds best.

    Returns:
      The devices of all hosts.

    Raises:
      UserError: there is no such device here. It never falls back to the CPU.
    """
    if platform is not None:
        if platform not in PLATFORMS:
            raise UserError(f"the platform is {platform!r}, it must be one of {PLATFORMS}")
        jax.config.update("jax_platforms", platform)
    _join_hosts()
    try:
        devices = jax.devices()
    except RuntimeError as error:
        variable = f"JAX_PLATFORMS={os.environ.get('JAX_PLATFORMS', '')}"
        asked = f"--platform {platform}" if platform else variable
        # JAX's advice is to take any other device, which is what was not wanted.
        reason = re.sub(r"\s*\(set JAX_PLATFORMS.*?\)", "", str(error).splitlines()[0])
        raise UserError(
            f"{asked} was asked for, and JAX finds no such device here ({reason}). Install "
            "bert-jax[cuda] or bert-jax[tpu] on a machine that has one, or do not ask for it"
        ) from error
    if platform is not None and devices[0].platform != platform:
        # A backend that was started before is not changed by asking for another.
        raise UserError(
            f"--platform {platform} was asked for, and JAX has already started on "
            f"{devices[0].platform} in this process; ask before anything is computed"
        )
    return devices


def _join_hosts() -> None:
    """Join the other hosts where JAX's variables name them."""
    names = ("JAX_COORDINATOR_ADDRESS", "JAX_NUM_PROCESSES", "JAX_PROCESS_ID")
    if names[0] not in os.environ or jax.distributed.is_initialized():
        return
    given = {name: os.environ.get(name, "") for name in names}
    if not all(given[name].isdecimal() for name in names[1:]):
        raise UserError(
            f"{names[0]} is set, so {names[1]} and {names[2]} must be whole numbers; they are "
            f"{given[names[1]]!r} and {given[names[2]]!r}"
        )
    jax.distributed.initialize(given[names[0]], int(given[names[1]]), int(given[names[2]]))


def describe(devices: list[jax.Device]) -> str:
    """`cpu: 1 x cpu`, `gpu: 8 x NVIDIA H100 80GB HBM3`."""
    kinds: dict[str, int] = {}
    for device in devices:
        kinds[device.device_kind] = kinds.get(device.device_kind, 0) + 1
    found = ", ".join(f"{count} x {kind}" for kind, count in kinds.items())
    hosts = f" on {jax.process_count()} hosts" if jax.process_count() > 1 else ""
    return f"{devices[0].platform}: {found}{hosts}"


def facts(devices: list[jax.Device]) -> dict[str, Any]:
    """What about the machine can change the last bits of a result."""
    return {
        "platform": devices[0].platform,
        "devices": describe(devices),
        "cpu_count": len(os.sched_getaffinity(0))
        if hasattr(os, "sched_getaffinity")
        else os.cpu_count(),
        "processes": jax.process_count(),
        "xla_flags": os.environ.get("XLA_FLAGS", ""),
    }

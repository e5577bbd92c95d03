"""One table: which mesh axis each logical axis is divided over.

Parameters and activations name their axes in the field's words (`LOGICAL_AXES`, as T5X does);
`RULES` alone says where each goes. A mesh has the axes `data`, `fsdp` and `tensor`; one of size 1
costs nothing, so the same program runs on a laptop and on a pod.
"""

import contextlib
import math
from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn
from flax.core import meta
from jax.experimental import multihost_utils
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

from bert_jax.config import MeshConfig
from bert_jax.errors import UserError
from bert_jax.formatting import format_amount

MESH_AXES = ("data", "fsdp", "tensor")

# Logical axis -> mesh axes. Within one array a mesh axis is used once, by the first logical axis
# that asks for it: so weights are divided over `fsdp` by `embed`, and activations by `batch`.
RULES: dict[str, tuple[str, ...]] = {
    "batch": ("data", "fsdp"),
    "length": (),
    "predictions": (),
    "vocab": ("tensor",),
    "embed": ("fsdp",),
    "heads": ("tensor",),
    "kv": (),
    "mlp": ("tensor",),
    "layers": (),
    # Axes too short to divide: positions and token types, the two labels of a pair, LayerNorm.
    "positions": (),
    "types": (),
    "labels": (),
    "norm": (),
}


def partition_spec(axes: tuple[str | None, ...]) -> PartitionSpec:
    """Where an array with these logical axes lies on a mesh.

    Raises:
      KeyError: a logical axis has no rule; such an axis is never silently replicated.
    """
    used: set[str] = set()
    spec: list[str | tuple[str, ...] | None] = []
    for axis in axes:
        free = tuple(a for a in (RULES[axis] if axis is not None else ()) if a not in used)
        used.update(free)
        spec.append(free[0] if len(free) == 1 else free or None)
    return PartitionSpec(*spec)


def constrain(x: jax.Array, *axes: str | None) -> jax.Array:
    """Say where an activation lies; outside a mesh, `x` itself."""
    if x.ndim != len(axes):
        raise ValueError(f"{len(axes)} axes {axes} named for an array of shape {x.shape}")
    spec = partition_spec(axes)
    if jax.sharding.get_abstract_mesh().empty:
        return x
    return jax.lax.with_sharding_constraint(x, spec)


def parameter(
    module: nn.Module,
    name: str,
    init: Callable[..., jax.Array],
    shape: tuple[int, ...],
    axes: tuple[str, ...],
) -> jax.Array:
    """A float32 parameter of a Linen module with its logical axes: the only way we make one."""
    if len(shape) != len(axes):
        raise ValueError(f"parameter {name}: shape {shape}, but axes {axes}")
    partition_spec(axes)  # an axis without a rule is an error here, not on the pod
    boxed = nn.with_logical_partitioning(init, axes)
    value: Any = module.param(name, boxed, shape, jnp.float32)
    return value


def make_mesh(config: MeshConfig, devices: list[jax.Device] | None = None) -> Mesh:
    """A mesh over all devices (of all hosts), with automatic axes.

    Raises:
      UserError: the sizes do not multiply to the number of devices.
    """
    devices = jax.devices() if devices is None else devices
    sizes = [config.data, config.fsdp, config.tensor]
    known = math.prod(size for size in sizes if size != -1)
    if -1 in sizes and len(devices) % known == 0:
        sizes[sizes.index(-1)] = len(devices) // known
    if math.prod(sizes) != len(devices):
        raise UserError(
            f"MeshConfig asks for data={config.data}, fsdp={config.fsdp}, tensor={config.tensor}, "
            f"and there {'is' if len(devices) == 1 else 'are'} "
            f"{format_amount(len(devices), 'device')}; set sizes whose product is {len(devices)}"
        )
    return jax.make_mesh(
        tuple(sizes), MESH_AXES, axis_types=(AxisType.Auto,) * 3, devices=tuple(devices)
    )


@contextlib.contextmanager
def use_mesh(mesh: Mesh) -> Iterator[None]:
    """Trace and run under this mesh, so that `constrain` has an effect."""
    with jax.set_mesh(mesh):
        yield


def state_shardings(boxed: Any, mesh: Mesh) -> Any:
    """Shardings of a state whose parameters still carry their logical axes (see `parameter`).

    Args:
      boxed: the result of `jax.eval_shape` on a function that makes the state.
      mesh: the mesh that it is to lie on.

    Raises:
      UserError: an axis cannot be divided evenly over the mesh.
    """

    def place(path: Any, leaf: Any) -> NamedSharding:
        if not isinstance(leaf, meta.Partitioned):
            return NamedSharding(mesh, PartitionSpec())
        spec = partition_spec(leaf.names)
        for size, axis, where in zip(leaf.value.shape, leaf.names, spec, strict=True):
            parts = math.prod(mesh.shape[a] for a in _as_tuple(where))
            if size % parts:
                raise UserError(
                    f"axis {axis!r} of {jax.tree_util.keystr(path)} has size {size}, which "
                    f"{parts} devices (mesh axis {where!r}) cannot divide; choose another "
                    f"MeshConfig.{_as_tuple(where)[0]}"
                )
        return NamedSharding(mesh, spec)

    return jax.tree_util.tree_map_with_path(place, boxed, is_leaf=_is_boxed)


def batch_sharding(mesh: Mesh) -> NamedSharding:
    """Rows of a batch over all data-parallel devices."""
    return NamedSharding(mesh, partition_spec(("batch",)))


def data_parallel_size(mesh: Mesh) -> int:
    """Into how many parts the rows of a batch are divided."""
    return math.prod(mesh.shape[axis] for axis in RULES["batch"])


def put_batch(batch: dict[str, Any], mesh: Mesh) -> dict[str, jax.Array]:
    """Turn this process's rows into arrays of the global batch."""
    sharding = batch_sharding(mesh)
    return {
        name: jax.make_array_from_process_local_data(sharding, rows) for name, rows in batch.items()
    }


def gather(tree: Any) -> Any:
    """Whole arrays on this host, of a tree that may be divided over several hosts.

    Every process must call it.
    """
    if jax.process_count() == 1:
        return tree
    return multihost_utils.process_allgather(tree, tiled=True)


def unbox(tree: Any) -> Any:
    """The plain pytree inside one whose leaves carry logical axes."""
    return jax.tree.map(
        lambda leaf: leaf.value if _is_boxed(leaf) else leaf, tree, is_leaf=_is_boxed
    )


def logical_axes(tree: Any) -> dict[str, tuple[str, ...]]:
    """Path of each parameter -> its logical axes."""
    leaves = jax.tree_util.tree_flatten_with_path(tree, is_leaf=_is_boxed)[0]
    return {
        jax.tree_util.keystr(path, simple=True, separator="/"): leaf.names
        for path, leaf in leaves
        if _is_boxed(leaf)
    }


def _is_boxed(leaf: Any) -> bool:
    return isinstance(leaf, meta.Partitioned)


def _as_tuple(where: str | tuple[str, ...] | None) -> tuple[str, ...]:
    return () if where is None else (where,) if isinstance(where, str) else where

"""The compiled parts of a run: first state, training step and evaluation step on a mesh.

Here the pure functions of the core meet the mesh: they are jitted with the shardings of the state
and the batch, and the state is donated. Nothing here knows which task is trained.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from bert_jax import sharding
from bert_jax.config import OptimizerConfig, TrainConfig
from bert_jax.errors import UserError
from bert_jax.optimizer import make_optimizer, make_schedule
from bert_jax.train_step import (
    CountsFunction,
    SumsFunction,
    TrainState,
    create_state,
    make_eval_step,
    make_train_step,
)


class Program(NamedTuple):
    """What a run computes with.

    Attributes:
      mesh: of all devices.
      abstract_state: shapes, types and shardings of a `TrainState`.
      create_state: () -> the state before step 0.
      train_step: (state, batch) -> (state, metrics); the state is donated.
      eval_step: (params, batch) -> sums and counts.
      put_batch: this process's numpy rows -> arrays of the global batch.
    """

    mesh: Mesh
    abstract_state: TrainState
    create_state: Callable[[], TrainState]
    train_step: Callable[[TrainState, Any], tuple[TrainState, Mapping[str, jax.Array]]]
    eval_step: Callable[[Any, Any], Mapping[str, Any]]
    put_batch: Callable[[Mapping[str, Any]], dict[str, jax.Array]]


def make_program(
    init_params: Callable[[jax.Array], Any],
    sums: SumsFunction,
    counts: CountsFunction,
    *,
    train: TrainConfig,
    optimizer: OptimizerConfig,
    mesh: Mesh,
) -> Program:
    """Jit a task's functions for a mesh. Nothing is compiled before it is first called.

    Args:
      init_params: key -> parameters that carry their logical axes (`sharding.parameter`).
      sums: of the task (`bert_jax.train_step`).
      counts: of the task.
      train: batch size, rates and seed.
      optimizer: the update.
      mesh: where everything lies.

    Raises:
      UserError: the mesh cannot divide the batch or a parameter evenly.
    """
    check_batch("TrainConfig.batch_size is", train.batch_size, train.micro_batches, mesh)
    schedule = make_schedule(optimizer, train.learning_rate, train.warmup_steps, train.num_steps)
    transform = make_optimizer(optimizer, schedule)

    def create() -> TrainState:
        # The key of the first weights; steps fold theirs from it (`make_train_step`).
        key = jax.random.fold_in(jax.random.key(train.seed), 0)
        return create_state(init_params(key), transform)

    def unboxed() -> TrainState:
        state: TrainState = sharding.unbox(create())
        return state

    with sharding.use_mesh(mesh):
        boxed = jax.eval_shape(create)
    shardings = sharding.state_shardings(boxed, mesh)
    abstract = jax.tree.map(
        lambda leaf, where: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=where),
        sharding.unbox(boxed),
        shardings,
    )
    batch = sharding.batch_sharding(mesh)
    everywhere = NamedSharding(mesh, PartitionSpec())
    # XLA's own choice is 256 bits, on processors with 512 too; this is about 5 % of a step there,
    # and a mere preference on all others.
    options = {"xla_cpu_prefer_vector_width": 512} if mesh.devices.flat[0].platform == "cpu" else {}
    train_step = jax.jit(
        make_train_step(
            sums,
            counts,
            transform,
            schedule,
            seed=train.seed,
            micro_batches=train.micro_batches,
        ),
        in_shardings=(shardings, batch),
        out_shardings=(shardings, everywhere),
        donate_argnums=0,
        compiler_options=options,
    )
    eval_step = jax.jit(
        make_eval_step(sums), in_shardings=(shardings.params, batch), out_shardings=everywhere
    )
    first_state = jax.jit(unboxed, out_shardings=shardings)

    def on_mesh(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any) -> Any:
            with sharding.use_mesh(mesh):
                return function(*args)

        return call

    return Program(
        mesh,
        abstract,
        on_mesh(first_state),
        on_mesh(train_step),
        on_mesh(eval_step),
        lambda rows: sharding.put_batch(dict(rows), mesh),
    )


def check_batch(named: str, batch_size: int, micro_batches: int, mesh: Mesh) -> None:
    """Raise where a mesh cannot divide a batch evenly.

    Args:
      named: what the message begins with; the size follows.
      batch_size: rows over all processes.
      micro_batches: parts that it is computed in.
      mesh: of all devices.

    Raises:
      UserError: as above.
    """
    parts = sharding.data_parallel_size(mesh) * micro_batches
    if batch_size % parts:
        raise UserError(
            f"{named} {batch_size}; it must be a multiple of {parts}: "
            f"{parts // micro_batches} data-parallel devices x {micro_batches} micro-batches"
        )

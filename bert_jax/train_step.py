"""One step of training, and one of evaluation: jitted pure functions made by factories.

A task is a pair of functions: `sums` computes `(sum, count)` of every loss and metric, and `counts`
says, from the batch alone, what each loss is divided by. Nothing here knows which task it is.
"""

import functools
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from bert_jax.cross_entropy import SumAndCount
from bert_jax.dropout import row_seeds
from bert_jax.optimizer import Schedule

Batch = Mapping[str, jax.Array]
# (parameters, batch, dropout seeds or None) -> sums and counts by name
SumsFunction = Callable[[Any, Batch, jax.Array | None], dict[str, SumAndCount]]
# batch -> count by the name of each loss
CountsFunction = Callable[[Batch], dict[str, jax.Array]]


class TrainState(NamedTuple):
    """Everything that a step changes, and all that a checkpoint holds.

    Attributes:
      step: int32 number of updates done; the next step's number, counted from 0.
      params: the weights.
      opt_state: of optax.
    """

    step: jax.Array
    params: Any
    opt_state: Any


def create_state(params: Any, optimizer: optax.GradientTransformation) -> TrainState:
    """The state before the first step."""
    return TrainState(jnp.zeros((), jnp.int32), params, optimizer.init(params))


def make_train_step(
    sums: SumsFunction,
    counts: CountsFunction,
    optimizer: optax.GradientTransformation,
    schedule: Schedule,
    *,
    seed: int,
    micro_batches: int = 1,
) -> Callable[[TrainState, Batch], tuple[TrainState, dict[str, jax.Array]]]:
    """A pure function from a state and a batch to the next state and this step's metrics.

    The loss is the sum over the task's losses of (sum over the batch) / (count over the batch).
    Dropout depends on (seed, step, row); counts are taken over the whole batch before it is cut
    into micro-batches; so micro-batches change nothing but memory and rounding.

    Args:
      sums: of the task.
      counts: of the task.
      optimizer: of optax; it clips.
      schedule: for the metric `learning_rate` only.
      seed: of dropout.
      micro_batches: number of equal parts that a batch is computed in, one after the other.

    Returns:
      A function to be jitted with the state donated. Metrics: `loss`, one mean for each of the
      task's sums, `grad_norm` (before clipping) and `learning_rate`.
    """

    def train_step(state: TrainState, batch: Batch) -> tuple[TrainState, dict[str, jax.Array]]:
        rows = next(iter(batch.values())).shape[0]
        # Two folds, so that no step's key is the key that the weights were drawn from.
        key = jax.random.fold_in(jax.random.fold_in(jax.random.key(seed), 1), state.step)
        seeds = row_seeds(key, jnp.arange(rows, dtype=jnp.uint32))
        totals = counts(batch)

        def loss(params: Any, part: tuple[Batch, jax.Array]) -> tuple[jax.Array, Any]:
            found = sums(params, *part)
            means = (found[name][0] / totals[name] for name in totals)
            return functools.reduce(jnp.add, means), found

        gradient = jax.value_and_grad(loss, has_aux=True)
        parts = (batch, seeds)
        if micro_batches == 1:
            (value, found), grads = gradient(state.params, parts)
        else:
            (value, found), grads = _accumulate(gradient, state.params, parts, micro_batches)

        updates, opt_state = optimizer.update(grads, state.opt_state, state.params)
        params = optax.apply_updates(state.params, updates)
        metrics = {
            "loss": value,
            **{name: total / count for name, (total, count) in found.items()},
            "grad_norm": optax.tree.norm(grads),
            "learning_rate": jnp.asarray(schedule(state.step), jnp.float32),
        }
        return TrainState(state.step + 1, params, opt_state), metrics

    return train_step


def _accumulate(gradient: Any, params: Any, parts: Any, micro_batches: int) -> Any:
    """Sum losses, metrics and gradients over equal parts of the batch."""

    # Row r goes to part r mod n: each part then lies on every device as the batch does.
    def split(x: jax.Array) -> jax.Array:
        return jnp.swapaxes(x.reshape(-1, micro_batches, *x.shape[1:]), 0, 1)

    parts = jax.tree.map(split, parts)
    first = gradient(params, jax.tree.map(lambda x: x[0], parts))

    def body(total: Any, part: Any) -> tuple[Any, None]:
        return jax.tree.map(jnp.add, total, gradient(params, part)), None

    return jax.lax.scan(body, first, jax.tree.map(lambda x: x[1:], parts))[0]


def make_eval_step(sums: SumsFunction) -> Callable[[Any, Batch], dict[str, SumAndCount]]:
    """A pure function from weights and a batch to sums and counts, without dropout."""

    def eval_step(params: Any, batch: Batch) -> dict[str, SumAndCount]:
        return sums(params, batch, None)

    return eval_step

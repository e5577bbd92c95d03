"""The optimiser: schedules, what is decayed, and the update.

Three presets (`OptimizerConfig.preset`):

- `paper`: `AdamWeightDecayOptimizer` of google-research/bert `optimization.py`. No bias correction,
  so that early steps are up to 6.6 times larger than Adam's, and a linear decay that runs from step
  0 and is merely hidden by the warm-up: at its end the rate drops.
- `adamw`: corrected for bias, linear warm-up, then linear decay to 0 (Loshchilov & Hutter, 2019).
- `lamb`: the step of `adamw`, decay included, scaled for each weight of each layer to that weight's
  norm (LAMB, arXiv:1904.00962, algorithm 2), for batches of tens of thousands of rows; and a decay
  as the square root, which is what the published rates for such batches are for.

All clip the gradient to a global norm, and decay every weight but biases and LayerNorms.
"""

import re
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from bert_jax.config import OptimizerConfig

# A step, counted from 0 -> a learning rate.
Schedule = Callable[[jax.Array], jax.Array]

# What google-research/bert excludes from decay, matched anywhere in a weight's path. The bias of
# the masked LM head is a bias; every table, the pooler and the NSP weights are decayed.
NOT_DECAYED = re.compile(r"LayerNorm|layer_norm|bias")


def paper_schedule(
    learning_rate: float, warmup_steps: int, num_steps: int, power: float = 1.0
) -> Schedule:
    """`lr * t / w` below step w, else `lr * (1 - t / T) ** power`: the decay counts from step 0.

    The first update has rate 0, and at t = w the rate drops from near lr to
    `lr * (1 - w / T) ** power`. The power of google-research/bert is 1.
    """

    def schedule(step: jax.Array) -> jax.Array:
        t = jnp.minimum(step, num_steps).astype(jnp.float32)
        decayed = learning_rate * (1.0 - t / num_steps) ** power
        return jnp.where(step < warmup_steps, learning_rate * t / max(warmup_steps, 1), decayed)

    return schedule


def lamb_schedule(learning_rate: float, warmup_steps: int, num_steps: int) -> Schedule:
    """`paper_schedule` with the power 0.5: `lr * sqrt(1 - t / T)` from step w on.

    That is `PolyWarmUpScheduler` of NVIDIA/DeepLearningExamples (PyTorch BERT, `schedulers.py`),
    which the rates 6e-3 and 4e-3 were published with; it counts steps from 1, and all of ours
    from 0. The paper's own decay has the power 1 (arXiv:1904.00962, section 4).
    """
    return paper_schedule(learning_rate, warmup_steps, num_steps, power=0.5)


def linear_schedule(learning_rate: float, warmup_steps: int, num_steps: int) -> Schedule:
    """From 0 to `lr` at step w, then to 0 at step T: `lr * (T - t) / (T - w)`."""
    return optax.join_schedules(
        [
            optax.linear_schedule(0.0, learning_rate, warmup_steps),
            optax.linear_schedule(learning_rate, 0.0, max(num_steps - warmup_steps, 1)),
        ],
        [warmup_steps],
    )


def decay_mask(params: Any) -> Any:
    """True for every weight that is decayed; see `NOT_DECAYED`."""

    def is_decayed(path: Any, _: Any) -> bool:
        return not NOT_DECAYED.search(weight_path(path))

    return jax.tree_util.tree_map_with_path(is_decayed, params)


def weight_path(path: Any) -> str:
    """The names down to a weight, with slashes between them."""
    return jax.tree_util.keystr(path, simple=True, separator="/")


def is_stacked(path: str) -> bool:
    """Whether the first axis of the weight at this path is `layers` (`encoder_weights.Layers`).

    Logical axes would say so as well, and are there only when weights are made: an update sees
    plain arrays.
    """
    return "layers" in path.split("/")


def scale_by_trust_ratio_of_layers() -> optax.GradientTransformation:
    """Scale every decayed weight's update to the norm of that weight, layer by layer.

    `|w| / |u|` for a weight w and its update u, 1 where either norm is 0 (arXiv:1904.00962,
    algorithm 2, with the identity for phi). A weight that is stacked over the layers has one
    ratio for each layer; the query, key and value of a layer are weights of their own, with all
    their heads. Biases and LayerNorms are left as they are, like in google-research/albert
    (`lamb_optimizer.py`) and in NVIDIA's FusedLAMB, where what is not decayed is not scaled.
    """

    # That of optax guards the norms' derivatives, which nobody takes, and reads all arrays twice.
    def scaled(update: jax.Array, weight: jax.Array) -> jax.Array:
        of_weight, of_update = jnp.linalg.norm(weight), jnp.linalg.norm(update)
        is_zero = (of_weight == 0) | (of_update == 0)
        return update * jnp.where(is_zero, 1.0, of_weight / of_update)

    def update(updates: Any, state: optax.EmptyState, params: Any = None) -> tuple[Any, Any]:
        def of_path(path: Any, update: jax.Array, weight: jax.Array) -> Any:
            name = weight_path(path)
            if NOT_DECAYED.search(name):
                return update
            return (jax.vmap(scaled) if is_stacked(name) else scaled)(update, weight)

        return jax.tree_util.tree_map_with_path(of_path, updates, params), state

    return optax.GradientTransformation(optax.init_empty_state, update)


class BertAdamState(NamedTuple):
    """First and second moments, each like the parameters."""

    mu: Any
    nu: Any


def scale_by_bert_adam(b1: float, b2: float, eps: float) -> optax.GradientTransformation:
    """`m / (sqrt(v) + eps)` without bias correction (google-research/bert `optimization.py`)."""

    def init(params: Any) -> BertAdamState:
        return BertAdamState(
            jax.tree.map(jnp.zeros_like, params), jax.tree.map(jnp.zeros_like, params)
        )

    def update(updates: Any, state: BertAdamState, params: Any = None) -> tuple[Any, BertAdamState]:
        del params
        mu = optax.tree.update_moment(updates, state.mu, b1, 1)
        nu = optax.tree.update_moment_per_elem_norm(updates, state.nu, b2, 2)
        updates = jax.tree.map(lambda m, v: m / (jnp.sqrt(v) + eps), mu, nu)
        return updates, BertAdamState(mu, nu)

    return optax.GradientTransformation(init, update)


def clip_by_global_norm(max_norm: float) -> optax.GradientTransformation:
    """Scale the gradient to a norm of at most `max_norm`, as `tf.clip_by_global_norm` does.

    One factor for all arrays, which fuses into the moments' updates. That of optax divides every
    array first, which is one more array to write and to read twice for each.
    """

    def update(updates: Any, state: optax.EmptyState, params: Any = None) -> tuple[Any, Any]:
        del params
        factor = jnp.minimum(1.0, max_norm / optax.tree.norm(updates))
        return jax.tree.map(lambda g: g * factor.astype(g.dtype), updates), state

    return optax.GradientTransformation(optax.init_empty_state, update)


def make_schedule(
    config: OptimizerConfig, learning_rate: float, warmup_steps: int, num_steps: int
) -> Schedule:
    """The learning rate of the preset, as a function of the step."""
    make = {"paper": paper_schedule, "adamw": linear_schedule, "lamb": lamb_schedule}
    return make[config.preset](learning_rate, warmup_steps, num_steps)


def make_optimizer(config: OptimizerConfig, schedule: Schedule) -> optax.GradientTransformation:
    """Clip, scale, decay, with `lamb` scale to the norm of each weight, and step."""
    scale = scale_by_bert_adam if config.preset == "paper" else optax.scale_by_adam
    return optax.chain(
        clip_by_global_norm(config.max_grad_norm),
        scale(config.b1, config.b2, config.eps),
        optax.add_decayed_weights(config.weight_decay, decay_mask),
        *([scale_by_trust_ratio_of_layers()] if config.preset == "lamb" else []),
        optax.scale_by_learning_rate(schedule),
    )

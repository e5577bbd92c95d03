"""The training loop: the only place with a clock.

It knows no task, no data format and no screen; what it needs is handed in as functions. The
device is never waited for between steps: a step's metrics are read after the next step was begun.
"""

import math
import signal
import threading
import time
from collections.abc import Callable, Container, Iterator, Mapping
from contextlib import contextmanager
from types import FrameType
from typing import Any, NamedTuple, Protocol

import jax
import numpy as np
from jax.experimental import multihost_utils

from bert_jax.config import TrainConfig
from bert_jax.errors import TrainingFailed

Metrics = dict[str, float]


class Batches(Protocol):
    """Steps and their batches, and how long somebody waited for them so far."""

    wait_seconds: float

    def __iter__(self) -> Iterator[tuple[int, Any]]:
        """Yield (step, batch), in order."""


class Hooks(NamedTuple):
    """What the loop calls.

    Attributes:
      log: (step, metrics) one line of training metrics.
      evaluate: (step, state) measure and write; may be slow.
      save: (step, state) begin a checkpoint.
      last_saved: () -> step of the newest good checkpoint, or None.
      advance: () one more step was begun: for a progress bar.
      new_shape: (step) batches have another shape after these updates.
    """

    log: Callable[[int, Metrics], None]
    evaluate: Callable[[int, Any], None]
    save: Callable[[int, Any], None]
    last_saved: Callable[[], int | None]
    advance: Callable[[], None] = lambda: None
    new_shape: Callable[[int], None] = lambda step: None


class StopRequest:
    """Set by SIGTERM or Ctrl-C; looked at between steps, and before them between phases."""

    def __init__(self) -> None:
        self.name: str | None = None

    def __bool__(self) -> bool:
        return self.name is not None

    def check(self) -> None:
        """Raise `Stopped` where any process was asked to stop; all must come by."""
        if agree(bool(self))[0]:
            raise Stopped(self.name or "a signal to another process")


class Stopped(BaseException):
    """A stop before training began: nothing is to be saved.

    Raised where the request is looked at, never by the handler of a signal: an exception that
    comes in the middle of a callback, as JAX has one for the garbage collector, is lost.

    Attributes:
      name: of the signal.
    """

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


@contextmanager
def stop_on_signals() -> Iterator[StopRequest]:
    """Turn the first SIGTERM or Ctrl-C into a request to save and stop; a second one interrupts.

    Orbax saves on a signal only after `jax.distributed.initialize`; this serves a plain process as
    well. Outside the main thread, where Python allows no handlers, the request is never set.
    """
    request = StopRequest()
    if threading.current_thread() is not threading.main_thread():
        yield request
        return

    def handle(number: int, _: FrameType | None) -> None:
        if request:
            raise KeyboardInterrupt
        request.name = signal.Signals(number).name

    before = {number: signal.signal(number, handle) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield request
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def run_steps(
    state: Any,
    *,
    train_step: Callable[[Any, Any], tuple[Any, Mapping[str, jax.Array]]],
    batches: Batches,
    start: int,
    config: TrainConfig,
    tokens_per_step: Callable[[int], int],
    hooks: Hooks,
    stop: StopRequest,
    new_shapes: Container[int] = (),
    clock: Callable[[], float] = time.monotonic,
) -> tuple[Any, int]:
    """Train from step `start` until `config.num_steps`, or until asked to stop.

    A step's number, in metrics and checkpoints, is the number of updates done. A checkpoint is
    saved at its cadence in steps, at its cadence in minutes, at a stop and at the end, and never
    before the loss that led to it was seen to be finite.

    Args:
      state: of step `start`.
      train_step: (state, batch) -> (state, metrics); the state may be donated.
      batches: from step `start` on.
      start: number of updates done before.
      config: cadences and the number of steps.
      tokens_per_step: of the update with a number (1, 2, ...), for `tokens_per_second`, padding
        counted.
      hooks: what to call.
      stop: looked at between steps.
      new_shapes: numbers of updates done after which batches have another shape. The first step of
        one is compiled, and is left out of `tokens_per_second`.
      clock: seconds.

    Returns:
      The last state and its step.

    Raises:
      TrainingFailed: a loss or gradient norm was not finite.
    """
    log = _Log(hooks, batches, start, config, tokens_per_step, clock)
    saved_at, saved_step, step = clock(), start if hooks.last_saved() == start else -1, start
    for _, batch in batches:
        compiling = step != start and step in new_shapes
        if compiling:
            log.drain()
            hooks.new_shape(step)
        state, metrics = train_step(state, batch)
        step += 1
        hooks.advance()
        log.read_before(step, metrics)
        if compiling:
            log.restart_clock(step)
            log.drain()
            log.restart_clock(step)

        last = step == config.num_steps
        stopping, overdue = False, False
        if _is_due(step, config.log_every) or last or jax.process_count() == 1:
            overdue = 0 < 60 * config.checkpoint_minutes <= clock() - saved_at
            stopping, overdue = agree(bool(stop), overdue)
        evaluating = (_is_due(step, config.eval_every) or last) and not stopping
        saving = _is_due(step, config.checkpoint_every) or overdue or stopping or last
        if evaluating or saving:
            log.drain()
        if saving and step != saved_step:
            hooks.save(step, state)
            saved_at, saved_step = clock(), step
        if evaluating:
            hooks.evaluate(step, state)
        if evaluating or saving:
            log.restart_clock(step)
        if stopping or last:
            break
    log.drain()
    return state, step


class _Log:
    """Metrics on their way from the device, and the rate between two lines."""

    def __init__(
        self,
        hooks: Hooks,
        batches: Batches,
        start: int,
        config: TrainConfig,
        tokens_per_step: Callable[[int], int],
        clock: Callable[[], float],
    ) -> None:
        self._hooks, self._batches, self._config = hooks, batches, config
        self._tokens_per_step, self._clock = tokens_per_step, clock
        self._pending: tuple[int, Mapping[str, jax.Array]] | None = None
        self._step = start
        self._time, self._wait = clock(), batches.wait_seconds

    def read_before(self, step: int, metrics: Mapping[str, jax.Array]) -> None:
        """Keep this step's metrics, and read those of the step before."""
        self.drain()
        self._pending = (step, metrics)

    def drain(self) -> None:
        """Read what is pending: waits for the device."""
        if self._pending is None:
            return
        (step, arrays), self._pending = self._pending, None
        metrics = {name: float(value) for name, value in jax.device_get(dict(arrays)).items()}
        for name in ("loss", "grad_norm"):
            if not math.isfinite(metrics[name]):
                good = self._hooks.last_saved()
                remedy = (
                    "there is no checkpoint yet"
                    if good is None
                    else f"the last good checkpoint is that of step {good}"
                )
                raise TrainingFailed(
                    f"{name} is {metrics[name]} at step {step}; {remedy}. "
                    "Try a lower learning rate, a longer warm-up or float32"
                )
        if _is_due(step, self._config.log_every) or step == self._config.num_steps:
            now, wait = self._clock(), self._batches.wait_seconds
            seconds = max(now - self._time, 1e-9)
            # No border between two shapes lies within: the clock is restarted there.
            steps = step - self._step
            if steps:
                metrics["tokens_per_second"] = self._tokens_per_step(step) * steps / seconds
                metrics["input_wait"] = min((wait - self._wait) / seconds, 1.0)
            self._step, self._time, self._wait = step, now, wait
            self._hooks.log(step, metrics)

    def restart_clock(self, step: int) -> None:
        """Leave what was not training, and the steps before it, out of the next rate."""
        self._step, self._time, self._wait = step, self._clock(), self._batches.wait_seconds


def _is_due(step: int, every: int) -> bool:
    return every > 0 and step % every == 0


def agree(*flags: bool) -> tuple[bool, ...]:
    """True on every process where it is true on any: all must save and stop at the same step."""
    if jax.process_count() == 1:
        return flags
    votes = multihost_utils.process_allgather(np.asarray(flags))
    return tuple(bool(vote) for vote in votes.any(axis=0))

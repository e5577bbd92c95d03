import math
import os
import signal

import jax.numpy as jnp
import pytest

from bert_jax.config import TrainConfig
from bert_jax.errors import TrainingFailed
from bert_jax.loop import Hooks, Stopped, StopRequest, run_steps, stop_on_signals


class Batches:
    """(step, step) from a start on, each waited for one second."""

    def __init__(self, start, stop, clock, before=None):
        self.wait_seconds = 0.0
        self._steps, self._clock, self._before = range(start, stop), clock, before

    def __iter__(self):
        for step in self._steps:
            self.wait_seconds += 1.0
            self._clock.now += 1.0
            if self._before:
                self._before(step)
            yield step, step


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


class Record:
    """Runs the loop on a state that is a list of the batches it has seen, and keeps what it did."""

    def __init__(self):
        self.clock, self.events, self.saved = Clock(), [], None
        self.evaluation_seconds = self.compile_seconds = 0.0
        self.new_shapes, self.tokens_per_step = (), lambda step: 100

    def run(self, start=0, losses=None, before=None, stop=None, **fields):
        config = TrainConfig(
            **{
                "num_steps": 10,
                "batch_size": 1,
                "warmup_steps": 0,
                "log_every": 2,
                "eval_every": 0,
                "checkpoint_every": 0,
                "checkpoint_minutes": 0.0,
            }
            | fields
        )

        def train_step(state, batch):
            self.clock.now += 3.0
            if len(state) in self.new_shapes:
                self.clock.now += self.compile_seconds
            loss = (losses or {}).get(batch, 1.0)
            return [*state, batch], {"loss": jnp.float32(loss), "grad_norm": jnp.float32(1.0)}

        def save(step, state):
            self.events.append(("save", step, len(state)))
            self.saved = step

        def evaluate(step, state):
            self.events.append(("evaluate", step, len(state)))
            self.clock.now += self.evaluation_seconds

        hooks = Hooks(
            log=lambda step, metrics: self.events.append(("log", step, metrics)),
            evaluate=evaluate,
            save=save,
            last_saved=lambda: self.saved,
            new_shape=lambda step: self.events.append(("shape", step, None)),
        )
        return run_steps(
            list(range(start)),
            train_step=train_step,
            batches=Batches(start, config.num_steps, self.clock, before),
            start=start,
            config=config,
            tokens_per_step=self.tokens_per_step,
            new_shapes=self.new_shapes,
            hooks=hooks,
            stop=StopRequest() if stop is None else stop,
            clock=self.clock,
        )

    def steps(self, kind):
        return [step for event, step, _ in self.events if event == kind]


def test_every_step_is_made_once_and_the_last_one_is_logged_saved_and_evaluated():
    record = Record()
    state, step = record.run(num_steps=7)
    assert (state, step) == (list(range(7)), 7)
    assert record.steps("log") == [2, 4, 6, 7]
    assert record.steps("save") == record.steps("evaluate") == [7]


def test_cadences_count_updates_done_from_the_start_of_the_run_and_not_of_the_process():
    record = Record()
    record.run(start=3, eval_every=5, checkpoint_every=4)
    assert record.steps("log") == [4, 6, 8, 10]
    assert record.steps("evaluate") == [5, 10]
    assert [(step, seen) for event, step, seen in record.events if event == "save"] == [
        (4, 4),
        (8, 8),
        (10, 10),
    ]


def test_rate_and_wait_are_those_since_the_line_before():
    record = Record()
    record.run(num_steps=4, checkpoint_every=0)
    lines = [metrics for event, _, metrics in record.events if event == "log"]
    # Four seconds a step, one of them waiting; metrics are read one step late.
    assert lines[0]["tokens_per_second"] == pytest.approx(100 * 2 / 12)
    assert lines[0]["input_wait"] == pytest.approx(3 / 12)


def test_time_spent_evaluating_is_not_counted_as_training():
    quick, slow = Record(), Record()
    slow.evaluation_seconds = 1000.0
    rates = []
    for record in (quick, slow):
        record.run(num_steps=8, eval_every=4)
        rates.append([m["tokens_per_second"] for event, _, m in record.events if event == "log"])
    assert rates[0] == rates[1]


@pytest.mark.parametrize("border", [4, 5, 7])
def test_a_rate_is_of_one_shape_and_without_the_time_of_its_compiling(border):
    rates = []
    for seconds in (0.0, 1000.0):
        record = Record()
        record.new_shapes, record.compile_seconds = (border,), seconds
        record.tokens_per_step = lambda step: 100 if step <= border else 300
        record.run(num_steps=12, log_every=4)
        lines = {step: metrics for event, step, metrics in record.events if event == "log"}
        rates.append({step: line.get("tokens_per_second") for step, line in lines.items()})
    assert rates[0] == rates[1]
    assert list(rates[0]) == [4, 8, 12]
    # A step takes four seconds, and its metrics may be read a step late.
    assert 20 <= rates[0][4] <= 25
    # Of the second shape this line may have but the step that was compiled.
    assert rates[0][8] is None if border == 7 else rates[0][8] >= 50
    assert rates[0][12] > 50


def test_a_new_shape_is_told_between_the_lines_and_not_where_a_process_begins_with_it():
    record = Record()
    record.new_shapes = (2, 5)
    record.run(start=2, num_steps=7, log_every=1)
    told = [(event, step) for event, step, _ in record.events if event in ("log", "shape")]
    assert told == [*(("log", 3), ("log", 4), ("log", 5), ("shape", 5), ("log", 6), ("log", 7))]


def test_a_checkpoint_is_due_after_so_many_minutes():
    record = Record()
    record.run(num_steps=100, checkpoint_minutes=2.0)
    # Four seconds a step: every thirty steps.
    assert record.steps("save") == [30, 60, 90, 100]


def test_a_stop_saves_the_step_it_is_at_and_ends():
    record, stop = Record(), StopRequest()

    def before(step):
        if step == 4:
            stop.name = "SIGTERM"

    state, step = record.run(before=before, stop=stop)
    assert step == 5
    assert state == list(range(5))
    assert record.steps("save") == [5]
    assert record.steps("evaluate") == []


@pytest.mark.parametrize("loss", [math.nan, math.inf])
def test_a_loss_that_is_not_finite_names_the_step_and_the_last_good_checkpoint(loss):
    record = Record()
    with pytest.raises(TrainingFailed, match=r"step 7.* checkpoint is that of step 4"):
        record.run(losses={6: loss}, checkpoint_every=4)
    assert record.steps("save") == [4]


def test_a_state_that_a_bad_loss_led_to_is_never_saved():
    record = Record()
    with pytest.raises(TrainingFailed, match="step 4; there is no checkpoint yet"):
        record.run(losses={3: math.nan}, checkpoint_every=4)
    assert record.steps("save") == []


def test_a_finished_state_is_not_saved_twice():
    record = Record()
    record.run(checkpoint_every=5)
    assert record.steps("save") == [5, 10]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_first_signal_asks_to_stop_and_the_second_interrupts(number):
    before = signal.getsignal(number)
    with stop_on_signals() as stop:
        assert not stop
        os.kill(os.getpid(), number)
        assert stop.name == number.name
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), number)
    assert signal.getsignal(number) is before


def test_before_training_a_stop_is_raised_where_it_is_looked_at():
    stop = StopRequest()
    stop.check()
    stop.name = "SIGINT"
    with pytest.raises(Stopped) as raised:
        stop.check()
    assert raised.value.name == "SIGINT"
    assert not isinstance(raised.value, Exception)

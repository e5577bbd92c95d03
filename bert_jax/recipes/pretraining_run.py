"""One pretraining run: build everything, train, evaluate, report."""

import dataclasses
from collections.abc import Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from pathlib import Path
from typing import Any, NamedTuple

import jax

from bert_jax import devices, pretraining, sharding
from bert_jax.checkpoint import Checkpoints
from bert_jax.config_file import config_json
from bert_jax.loop import Hooks, StopRequest, agree, run_steps
from bert_jax.loss_sentences import about_mlm
from bert_jax.loss_watch import watch_of
from bert_jax.metrics import MetricsWriter, read_metrics
from bert_jax.pair_tasks import PAIR_TASKS
from bert_jax.program import Program, make_program
from bert_jax.recipes import init_from, provenance, run_folder
from bert_jax.recipes.data import check_files, open_data
from bert_jax.recipes.data_levels import data_levels
from bert_jax.recipes.describe_run import describe_start
from bert_jax.recipes.experiment import Experiment
from bert_jax.recipes.mixture_floor import floor_of_stores
from bert_jax.recipes.run_lock import run_lock
from bert_jax.recipes.run_results import RunResults
from bert_jax.recipes.same_run import check_same_run
from bert_jax.recipes.staged_data import StagedData, check_stages
from bert_jax.recipes.stoppable import stoppable
from bert_jax.recipes.stores import open_stores
from bert_jax.terminal import Terminal
from data_pipeline.prefetch import Prefetch


class PretrainingResult(NamedTuple):
    """How a run ended.

    Attributes:
      run_dir: its folder.
      step: updates done.
      stopped_by: name of the signal that stopped it, or None. A run that was stopped before
        training began has the step that it would have gone on from.
      evaluation: results beside baselines (`evaluation.json`), or None where it was stopped.
    """

    run_dir: Path
    step: int
    stopped_by: str | None
    evaluation: dict[str, Any] | None


class PretrainingRun:
    """One call of `pretrain`: what its parts share."""

    def __init__(
        self,
        experiment: Experiment,
        run_dir: Path,
        source: str | Path | None,
        init_new: Sequence[str],
        platform: str | None,
        terminal: Terminal,
        stop: StopRequest,
        held: ExitStack,
    ) -> None:
        self.experiment, self.run_dir, self.stop = experiment, run_dir, stop
        self.train = experiment.train
        found = devices.initialize(platform)
        # What one process says need not be said by all.
        self.is_main = jax.process_index() == 0
        self.terminal = terminal = terminal if self.is_main else Terminal.silent()
        mesh = sharding.make_mesh(experiment.mesh, found)
        sizes = ", ".join(f"{axis} {size}" for axis, size in mesh.shape.items())
        terminal.print(f"{devices.describe(found)}; mesh: {sizes}")
        check_stages(experiment.stages, mesh)

        stop.check()
        if self.is_main:
            held.enter_context(run_lock(run_dir))
        # What can be refused is refused before the data are prepared and counted.
        begins = not run_folder.has_checkpoint(run_dir)
        found_source = init_from.find_source(source, run_dir) if begins else None
        if found_source is not None:
            init_from.check_drawn(found_source, experiment.model, init_new, run_dir)
        stores = open_stores(experiment.data, run_dir.parent, stoppable(terminal.progress, stop))
        stop.check()
        check_same_run(run_dir, experiment, stores.facts())
        if (run_dir / run_folder.PROVENANCE).exists():
            stores = stores.named_as_before(provenance.read_provenance(run_dir)["data"])
        for line in stores.lines():
            terminal.print(line)
        check_files(stores, run_dir / run_folder.PLANS, stoppable(terminal.progress, stop))
        stop.check()
        self.tokenizer = stores.first.tokenizer()
        self.model = dataclasses.replace(experiment.model, vocab_size=self.tokenizer.vocab_size)
        # Where the first weights come from. A run that is gone on with has weights of its own.
        self.first_weights: init_from.Source | None = None
        if found_source is not None:
            self.first_weights = init_from.check_source(found_source, self.model, self.tokenizer)
            init_from.check_numbers(self.first_weights)
        with terminal.progress("counting examples", None, "example") as task:
            self.data = StagedData(
                experiment.stages,
                lambda objective, train: open_data(
                    stores, objective, train, run_dir / run_folder.PLANS
                ),
            )
            task.advance(sum(part.training.examples_per_epoch for part in self.data.parts))
        stop.check()
        self.program: Program = make_program(
            pretraining.make_init(self.model),
            pretraining.make_sums(self.model, experiment.compute),
            pretraining.make_counts(self.model),
            train=self.train,
            optimizer=experiment.optimizer,
            mesh=mesh,
        )
        # One for each stage: longer rows are other examples.
        pair_task = PAIR_TASKS.get(self.model.pair_task)
        self.floors = [
            floor_of_stores(part.held_out, self.tokenizer, stores, pair_task)
            for part in self.data.parts
        ]
        stop.check()
        levels = data_levels(
            [store.train.tokens for store in stores.all],
            stores.shares.facts(),
            self.model.vocab_size,
            experiment.objective,
            self.floors[0],
        )
        self.levels = levels._replace(rates_compare=experiment.optimizer.rates_are_steps).to_facts()
        self.results = RunResults(
            run_dir,
            self.program,
            self.data,
            self.floors,
            self.levels,
            num_steps=self.train.num_steps,
            terminal=terminal,
            is_main=self.is_main,
        )
        facts = provenance.provenance_of(devices.facts(found), mesh.shape, stores.facts())
        facts[provenance.LEVELS] = self.levels
        if self.first_weights is not None:
            facts["init_from"] = self._describe_source(self.first_weights)
        if self.is_main:
            self._write_folder(facts)

    def _describe_source(self, source: init_from.Source) -> dict[str, Any]:
        for line in init_from.about_source(source, self.model):
            self.terminal.print(line)
        return init_from.facts_of(source, self.model)

    def _write_folder(self, facts: dict[str, Any]) -> None:
        # A start that finds the run finished trains nothing, and is no resumption.
        is_finished = (run_folder.newest_checkpoint(self.run_dir) or 0) >= self.train.num_steps
        changes = [] if is_finished else provenance.record_provenance(self.run_dir, facts)
        run_folder.write_atomically(self.run_dir / run_folder.CONFIG, config_json(self.model))
        self.tokenizer.save(self.run_dir / run_folder.TOKENIZER)
        run_folder.write_atomically(self.run_dir / run_folder.OPERATIVE, self.experiment.operative)
        if changes:
            self.terminal.print(
                f"warning: since this run was last started, {'; '.join(changes)}. Losses may "
                "differ in their last bits from those of an uninterrupted run"
            )

    def run(self) -> PretrainingResult:
        """Train what is left, then leave results and a report."""
        train, terminal = self.train, self.terminal
        with Checkpoints(
            self.run_dir / run_folder.CHECKPOINTS,
            keep=train.keep_checkpoints,
            keep_every=train.keep_every,
        ) as checkpoints:
            start = checkpoints.latest
            state = self._first_state(checkpoints, start)
            pretrained = self.first_weights is not None
            for line in describe_start(
                self.model, self.experiment, self.data, start, pretrained=pretrained
            ):
                terminal.print(line)
            self.stop.check()
            stopped_by = None
            with self._open_writer(start) as writer:
                step = start or 0
                if train.checkpoint_step_zero and start is None:
                    checkpoints.save(0, state)
                # A run that was killed between a checkpoint and its evaluation makes up for it.
                (evaluated,) = agree(
                    writer is not None
                    and writer.last_evaluation_step == step
                    and run_folder.is_evaluated(self.run_dir, step)
                )
                due = _due(step, train.eval_every) or step >= train.num_steps
                if step and due and not evaluated:
                    self.results.evaluate(writer, step, state)
                if step < train.num_steps:
                    state, step, stopped_by = self._train(state, step, checkpoints, writer)
            checkpoints.wait()
            if stopped_by is None:
                result = self.results.finish(state, self.model, self.tokenizer)
                return PretrainingResult(self.run_dir, step, None, result)
            terminal.print(
                f"stopped by {stopped_by} after step {step}, which is saved; "
                "the same command goes on"
            )
            self.results.report()
            return PretrainingResult(self.run_dir, step, stopped_by, None)

    def _open_writer(self, start: int | None) -> AbstractContextManager[MetricsWriter | None]:
        """Where metrics go: the first process writes them, for all."""
        return MetricsWriter(self.run_dir, start) if self.is_main else nullcontext()

    def _first_state(self, checkpoints: Checkpoints, start: int | None) -> Any:
        if start is not None:
            return checkpoints.restore(self.program.abstract_state, start)
        state = self.program.create_state()
        if self.first_weights is None:
            return state
        params = init_from.read_weights(self.first_weights, self.model, state.params)
        return state._replace(params=params)

    def _train(
        self, state: Any, start: int, checkpoints: Checkpoints, writer: MetricsWriter | None
    ) -> tuple[Any, int, str | None]:
        train, terminal = self.train, self.terminal
        stage, part = self.data.stage(start + 1), self.data.part(start + 1)
        # Of a mixture, of the store that has come round most often.
        epoch = int(max(part.training.epochs(start - stage.start))) + 1
        with terminal.progress(f"planning epoch {epoch}", None, "example") as task:
            if part.stores.is_mixture:
                # Also of the stores that have no row in the first batch.
                part.training.begin(start - stage.start)
            self.data.training(start)
            task.advance(part.training.examples_per_epoch)
        self.stop.check()

        def source(step: int) -> Any:
            return self.program.put_batch(self.data.training(step))

        watch = watch_of(read_metrics(self.run_dir), self.levels) if writer is not None else None

        def log(step: int, metrics: dict[str, float]) -> None:
            if writer is not None:
                line = {"step": step, "tokens": self.data.tokens(step), **metrics}
                writer.write(line)
                terminal.training_line(line, train.num_steps)
                if watch is not None and watch.add(line):
                    terminal.print(f"warning: {about_mlm(watch)}", style="bold yellow")

        with (
            Prefetch(source, start, train.num_steps) as batches,
            terminal.progress("training", train.num_steps, "steps") as task,
        ):
            task.advance(start)
            hooks = Hooks(
                log=log,
                evaluate=lambda step, state: self.results.evaluate(writer, step, state),
                save=checkpoints.save,
                last_saved=lambda: checkpoints.latest,
                advance=task.advance,
                new_shape=lambda step: terminal.print(
                    f"after step {step:,}: {self.data.stage(step + 1).shape}"
                ),
            )
            state, step = run_steps(
                state,
                train_step=self.program.train_step,
                batches=batches,
                start=start,
                config=train,
                tokens_per_step=lambda step: self.data.stage(step).tokens,
                new_shapes=self.data.borders,
                hooks=hooks,
                stop=self.stop,
            )
            # A signal that comes within the last step leaves its evaluation to the next start.
            unfinished = step < train.num_steps or self.results.evaluated_step != step
            return state, step, self.stop.name if unfinished else None


def _due(step: int, every: int) -> bool:
    return every > 0 and step % every == 0

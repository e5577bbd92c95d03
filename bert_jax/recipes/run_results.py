"""What a run leaves: evaluations on the way, and predictions and a report at its end."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bert_jax import sharding
from bert_jax.config import BertConfig
from bert_jax.inference.fill_mask import FillMask
from bert_jax.loss_sentences import about_losses
from bert_jax.loss_watch import watch_of
from bert_jax.metrics import MetricsWriter, read_metrics
from bert_jax.program import Program
from bert_jax.recipes import held_out, run_folder
from bert_jax.recipes.samples import predict_samples
from bert_jax.recipes.staged_data import StagedData
from bert_jax.report import write_report
from bert_jax.store_results import store_lines
from bert_jax.terminal import Terminal
from data_pipeline.tokenization.text_tokenizer import TextTokenizer


class RunResults:
    """The results of one run, written into its folder and said on its terminal.

    Args:
      run_dir: the folder.
      program: evaluates.
      data: of all stages.
      floors: for each stage what guessing would score (`floor_of_stores`).
      levels: of the masked LM's loss, as in `provenance.json`.
      num_steps: of the whole run.
      terminal: shows them.
      is_main: whether this process writes them, for all.

    Attributes:
      evaluated_step: of the newest evaluation of this start; None before the first.
    """

    def __init__(
        self,
        run_dir: Path,
        program: Program,
        data: StagedData,
        floors: Sequence[Mapping[str, Any]],
        levels: Mapping[str, float],
        *,
        num_steps: int,
        terminal: Terminal,
        is_main: bool,
    ) -> None:
        self._run_dir, self._program, self._data = run_dir, program, data
        self._floors, self._levels = floors, levels
        self._num_steps, self._terminal, self._is_main = num_steps, terminal, is_main
        self.evaluated_step: int | None = None

    def evaluate(self, writer: MetricsWriter | None, step: int, state: Any) -> None:
        """Evaluate the weights after `step` updates on the held-out text of their stage."""
        length = self._data.stage(step).objective.max_length
        batches, floor = self._data.part(step).held_out, self._floors[self._data.number(step)]
        what = f"evaluating at length {length}" if self._data.borders else "evaluating"
        metrics = held_out.evaluate(
            self._program, state.params, batches, self._terminal.progress, what
        )
        self.evaluated_step = step
        if writer is not None:
            # The line comes last: a run killed in between evaluates again.
            result = held_out.verdict(step, metrics, floor, self._data.epochs(step))
            result = {"step": step, "max_length": length, **result}
            run_folder.write_json(self._run_dir / run_folder.EVALUATION, result)
            line = {"step": step, **metrics}
            if self._data.borders:
                line["eval_max_length"] = length
            if writer.last_evaluation_step != step:
                writer.write(line)
            self._terminal.evaluation_line(line, floor)
            # The last ones stand below the results of the whole run.
            for of_store in store_lines(result) if step < self._num_steps else []:
                self._terminal.print(of_store, style="cyan")

    def finish(self, state: Any, model: BertConfig, tokenizer: TextTokenizer) -> dict[str, Any]:
        """Predictions, the report and the last lines of a run; its `evaluation.json`."""
        params = sharding.gather(state.params)
        if self._is_main:
            named = predict_samples(
                FillMask(model, params, tokenizer), self._data.parts[0].stores, tokenizer
            )
            run_folder.write_json(
                self._run_dir / run_folder.PREDICTIONS,
                [{**({"store": name} if name else {}), **p.to_dict()} for name, p in named],
            )
            for name, prediction in named:
                self._terminal.print(f"{name}: " * bool(name) + prediction.to_line())
        self.report()
        result = run_folder.read_evaluation(self._run_dir)
        for line in held_out.summary(result):
            self._terminal.print(line)
        watch = watch_of(read_metrics(self._run_dir), self._levels) if self._is_main else None
        if watch is not None and watch.standing.status not in ("early", "learning"):
            self._terminal.print(about_losses(watch)[0])
        return result

    def report(self) -> None:
        """Write `report.html`, and say where."""
        if self._is_main:
            self._terminal.print(f"report: {write_report(self._run_dir)}")

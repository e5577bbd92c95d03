"""From text to examples on one core, beside the original's own script, in turns.

The script is `create_pretraining_data.py` of google-research/bert, run unchanged by an interpreter
that has TensorFlow (`google_bert_shim`). It reads sentences, tokenises them, makes each pass's
examples and writes them as TFRecords. Ours reads the text, splits it into the same sentences,
tokenises them, writes a token store, plans each epoch and makes as many examples, as batches of 32
(the original's default) with pairs and masks, padded. Starting either interpreter is left out.
"""

from __future__ import annotations

import functools
import json
import os
import shutil
import statistics
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bert_jax.benchmarks import google_bert_shim
from bert_jax.benchmarks.batches import one_core
from bert_jax.benchmarks.sentence_text import LANGUAGE, Texts, write_texts
from bert_jax.benchmarks.turns import Contestant, Maker, Step, contestants, ratio
from bert_jax.errors import UserError
from data_pipeline.batches import PretrainingBatches
from data_pipeline.objective import PretrainingObjective
from data_pipeline.preparation.prepare import prepare
from data_pipeline.store.token_store import Split, TokenStore
from data_pipeline.tokenization.special_ids import SpecialIds
from data_pipeline.tokenization.tokenizer import Tokenizer, load_tokenizer

Row = dict[str, Any]
MEGABYTES = 2
# The original's default for the copies of a corpus, and one copy.
PASSES = (1, 10)
_BATCH_SIZE = 32
_OBJECTIVE = PretrainingObjective()
# More would mean that the two did not do the same: their rules differ for the odd character alone.
_TOKENS_APART = 0.01
_THREADS = {"TOKENIZERS_PARALLELISM": "false", "RAYON_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}


@dataclass(frozen=True)
class Timed:
    """What a run of the script came to, in seconds; what TensorFlow's import takes is left out.

    Attributes:
      reading: reading the vocabulary and the text, and tokenising.
      building: from the first document's examples to the shuffled examples of all passes.
      writing: the TFRecords.
      examples: of all passes.
      tokens: of the text, once.
      tensorflow: its version.
      python: the interpreter's version.
    """

    reading: float
    building: float
    writing: float
    examples: int
    tokens: int
    tensorflow: str
    python: str

    @property
    def seconds(self) -> float:
        """All of it."""
        return self.reading + self.building + self.writing


class Script:
    """The original's script, ready to be run.

    Args:
      checkout: a checkout of google-research/bert.
      python: an interpreter that has TensorFlow, by its path or its name on PATH.

    Raises:
      UserError: there is no such script or interpreter, or the interpreter has no TensorFlow.
    """

    def __init__(self, checkout: str | Path, python: str = "python3") -> None:
        self._checkout = Path(checkout).expanduser().absolute()
        missing = [
            name
            for name in (google_bert_shim.SCRIPT, "tokenization.py")
            if not (self._checkout / name).is_file()
        ]
        if missing:
            raise UserError(
                f"{checkout}: has no {' and no '.join(missing)}; give a checkout of "
                "https://github.com/google-research/bert"
            )
        found = shutil.which(os.path.expanduser(python))
        if found is None:
            raise UserError(f"--google_bert_python {python}: no such interpreter")
        self._python = found
        self._check_tensorflow(python)

    def _check_tensorflow(self, python: str) -> None:
        # Importing it takes seconds, looking for it does not.
        code = (
            "import importlib.util as u; "
            "print('lacks', *(n for n in ('tensorflow', 'six') if u.find_spec(n) is None))"
        )
        looked = subprocess.run(
            [self._python, "-c", code], capture_output=True, text=True, check=False
        )
        answer, *missing = looked.stdout.split() or [""]
        if looked.returncode or answer != "lacks":
            raise UserError(f"--google_bert_python {python}: is no Python 3")
        if missing:
            raise UserError(
                f"{python} ({self._python}) has no {' and no '.join(missing)}; name an "
                "interpreter that has TensorFlow: --google_bert_python PYTHON"
            )

    def run(self, sentences: Path, vocabulary: Path, cased: bool, passes: int) -> Timed:
        """The examples of `passes` passes over `sentences`, thrown away again.

        Args:
          sentences: a sentence a line, a blank line after each document.
          vocabulary: `vocab.txt`.
          cased: whether its pieces are.
          passes: `--dupe_factor`.

        Raises:
          UserError: the script failed; its last line says why.
        """
        with tempfile.TemporaryDirectory() as folder:
            report = Path(folder) / "report.json"
            flags = {
                "input_file": sentences,
                "output_file": Path(folder) / "examples.tfrecord",
                "vocab_file": vocabulary,
                "do_lower_case": str(not cased).lower(),
                "max_seq_length": _OBJECTIVE.max_length,
                "max_predictions_per_seq": _OBJECTIVE.max_predictions,
                "dupe_factor": passes,
            }
            ended = subprocess.run(
                [
                    *(self._python, google_bert_shim.__file__, str(self._checkout), str(report)),
                    *(f"--{name}={value}" for name, value in flags.items()),
                ],
                env={**os.environ, **_THREADS, "TF_CPP_MIN_LOG_LEVEL": "3"},
                capture_output=True,
                text=True,
                errors="replace",
                check=False,
            )
            if ended.returncode or not report.is_file():
                raise UserError(
                    f"{self._checkout / google_bert_shim.SCRIPT} failed in {self._python} "
                    f"(status {ended.returncode}): {_last_line(ended.stderr)}"
                )
            return Timed(**json.loads(report.read_text(encoding="utf-8")))


def run(
    text: Sequence[str],
    tokenizer: str | Path,
    script: Script,
    megabytes: int = MEGABYTES,
    rounds: int = 3,
) -> list[Row]:
    """Rows `name peer value unit ratio`, in examples a second; the script's phases in seconds.

    Args:
      text: files, globs or folders.
      tokenizer: a tokeniser's folder, of WordPiece.
      script: the original's.
      megabytes: how much of the text is taken, from its beginning.
      rounds: turns; ours has had a first one before.

    Raises:
      UserError: the script fails, or makes another number of tokens of the same sentences.
      DataError: the text or the tokeniser cannot be read.
    """
    loaded = load_tokenizer(tokenizer)
    if not isinstance(loaded, Tokenizer):
        raise UserError(f"{tokenizer}: the original knows WordPiece alone; leave --google_bert out")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        texts = write_texts(text, loaded, folder, megabytes * 1_000_000)
        vocabulary = folder / "vocab.txt"
        vocabulary.write_text("".join(f"{piece}\n" for piece in loaded.vocab), encoding="utf-8")
        theirs = functools.partial(script.run, texts.sentences, vocabulary, loaded.rules.cased)
        with one_core() as cores:
            return _in_turns(theirs, texts, str(tokenizer), folder, cores, rounds)


def _in_turns(
    theirs: Callable[[int], Timed],
    texts: Texts,
    tokenizer: str,
    folder: Path,
    cores: str,
    rounds: int,
) -> list[Row]:
    store = folder / "store"
    _prepare(texts, tokenizer, store)
    rows = []
    for passes in PASSES:
        timed = [theirs(passes)]
        _check_tokens(store, timed[0])
        makers: list[Maker] = [
            (_everything, (texts, tokenizer, timed[0].examples), {**os.environ, **_THREADS}),
            (_building, (str(store), timed[0].examples), {**os.environ, **_THREADS}),
        ]
        with contestants(*makers) as ours:
            _each(ours)  # warms up
            seconds = [_each(ours)]
            for _ in range(rounds - 1):
                timed.append(theirs(passes))
                seconds.append(_each(ours))
        rows += _rows(passes, cores, timed, seconds)
    return rows


def _each(entrants: Sequence[Contestant]) -> list[float]:
    return [one.seconds_per_step(1) for one in entrants]


def _everything(texts: Texts, tokenizer: str, examples: int) -> Step:
    def step() -> None:
        with tempfile.TemporaryDirectory() as folder:
            store = Path(folder) / "store"
            _prepare(texts, tokenizer, store)
            _make_batches(*_opened(store), examples)

    return step


def _building(store: str, examples: int) -> Step:
    split, ids = _opened(Path(store))
    return lambda: _make_batches(split, ids, examples)


def _prepare(texts: Texts, tokenizer: str, store: Path) -> None:
    # The tokeniser is opened anew each time, so that no word of the last turn is remembered.
    loaded = load_tokenizer(tokenizer)
    prepare([texts.text], loaded, store, lines=texts.lines, language=LANGUAGE, workers=1)


def _opened(path: Path) -> tuple[Split, SpecialIds]:
    store = TokenStore.open(path)
    return store.train, SpecialIds.of(store.tokenizer())


def _make_batches(split: Split, ids: SpecialIds, examples: int) -> None:
    """Counts, plans, and makes batches until there are as many examples, in as many epochs."""
    batches = PretrainingBatches(split, ids, _OBJECTIVE, seed=0, batch_size=_BATCH_SIZE)
    for step in range(-(-examples // _BATCH_SIZE)):
        batches(step)


def _check_tokens(path: Path, timed: Timed) -> None:
    store = TokenStore.open(path)
    ours = store.train.num_tokens + store.eval.num_tokens
    if abs(ours - timed.tokens) > _TOKENS_APART * ours:
        raise UserError(
            f"the original makes {timed.tokens} tokens of these sentences, ours are {ours}: the "
            "tokeniser has other rules than the original's"
        )


def _rows(
    passes: int, cores: str, timed: Sequence[Timed], seconds: Sequence[Sequence[float]]
) -> list[Row]:
    everything, building = zip(*seconds, strict=True)
    peer = f"google-research/bert (TensorFlow {timed[0].tensorflow}, Python {timed[0].python})"
    many = f"{passes} passes" if passes > 1 else "1 pass"
    rows = []
    for name, ours, theirs in (
        (f"text to examples, {many}, {cores}", everything, [t.seconds for t in timed]),
        (f"building examples, {many}, {cores}", building, [t.building for t in timed]),
    ):
        examples = timed[0].examples
        unit = "examples/s"
        rows.append(_row(name, None, examples / statistics.median(ours), unit, None))
        rate = examples / statistics.median(theirs)
        rows.append(_row(name, peer, rate, unit, ratio(ours, theirs)))
    for phase in ("reading", "building", "writing"):
        value = statistics.median(getattr(t, phase) for t in timed)
        rows.append(_row(f"{phase}, {many}, google-research/bert", None, value, "s", None))
    return rows


def _row(name: str, peer: str | None, value: float, unit: str, found: float | None) -> Row:
    return {"name": name, "peer": peer, "value": value, "unit": unit, "ratio": found}


def _last_line(output: str) -> str:
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    return lines[-1] if lines else "it said nothing"

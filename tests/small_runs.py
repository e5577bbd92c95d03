"""A small text, its store, and a finished run on it, made once for all tests that read them.

(Not `runs`: where `make pretrain` has left a folder of that name, the linter takes it for a package
of the project's own, and wants the imports in another order.)
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from bert_jax.program import Program, make_program
from bert_jax.recipes import pretraining_run
from bert_jax.recipes.pretrain import pretrain
from data_pipeline.preparation.prepare import prepare, vocabulary_from

EXPERIMENT = """
BertConfig.num_hidden_layers = 1
BertConfig.hidden_size = 16
BertConfig.num_attention_heads = 2
BertConfig.intermediate_size = 32
BertConfig.max_position_embeddings = 64
PretrainingObjective.max_length = 32
PretrainingObjective.max_predictions = 4
OptimizerConfig.preset = 'adamw'
TrainConfig.num_steps = 4
TrainConfig.batch_size = 8
TrainConfig.learning_rate = 1e-3
TrainConfig.warmup_steps = 1
TrainConfig.log_every = 1
TrainConfig.eval_every = 2
TrainConfig.eval_examples = 12
TrainConfig.checkpoint_every = 2
"""

WORDS = "the cat dog house river mat sat ran slept looked on under over near a warm cold old new"


class TinyRun(NamedTuple):
    """Where everything of a finished run is; nobody may change it.

    Attributes:
      experiment: the `.gin` file.
      store: the token store.
      run_dir: the run's folder.
    """

    experiment: Path
    store: Path
    run_dir: Path


def write_text(path: Path, documents: int = 100, seed: int = 0) -> Path:
    """Documents of two to six sentences, one a line."""
    rng = np.random.default_rng(seed)
    words = WORDS.split()

    def sentence() -> str:
        return " ".join(rng.choice(words, rng.integers(5, 12))).capitalize() + "."

    text = "\n\n".join(
        "\n".join(sentence() for _ in range(rng.integers(2, 7))) for _ in range(documents)
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text + "\n", encoding="utf-8")
    return path


def make_store(folder: Path, size: int = 80) -> Path:
    """A token store of `write_text`'s text, made in this process."""
    text = write_text(folder / "text.txt")
    tokenizer = vocabulary_from([text], size, workers=1)
    store = prepare([text], tokenizer, folder / "store", eval_share=0.2, workers=1)
    return store.path


def make_two_stores(folder: Path) -> tuple[Path, Path]:
    """Stores `en` and `sw` of one tokeniser, the second with a third of the text."""
    texts = [write_text(folder / "en.txt", 90), write_text(folder / "sw.txt", 30, seed=1)]
    tokenizer = vocabulary_from(texts, 80, workers=1)
    for text in texts:
        prepare([text], tokenizer, folder / text.stem, eval_share=0.2, workers=1)
    return folder / "en", folder / "sw"


def make_tiny_run(folder: Path) -> TinyRun:
    """Pretrain a model one layer deep and 16 wide for four steps."""
    experiment = folder / "small.gin"
    experiment.write_text(EXPERIMENT, encoding="utf-8")
    store = make_store(folder)
    pretrain(str(experiment), folder / "run", data=store)
    return TinyRun(experiment, store, folder / "run")


@contextmanager
def compiled_once() -> Iterator[None]:
    """All starts compute with the functions that the first has compiled: the model is the same."""
    made: list[Program] = []

    def once(*arguments: Any, **named: Any) -> Program:
        if not made:
            made.append(make_program(*arguments, **named))
        return made[0]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pretraining_run, "make_program", once)
        yield

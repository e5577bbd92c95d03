"""Vectors of many short sentences: ours and sentence-transformers' on PyTorch, in turn.

Both open one folder: six layers, 384 wide, with weights drawn at random, and the tokeniser of a
store, whose sentences they are given as text. Both pool by the mean, have the same threads, and
make batches as they do by themselves: sentence-transformers 32 sentences at a time, ours see
`bert_jax.inference.batching`. Both sort by length first.
"""

import importlib.util
import multiprocessing
import statistics
import tempfile
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from bert_jax.benchmarks.turns import Step, contestants, in_turns, ratio
from bert_jax.errors import UserError
from data_pipeline.store.token_store import TokenStore
from data_pipeline.tokenization.tokenizer import load_tokenizer
from data_pipeline.workers import available_cores

Row = dict[str, Any]
SENTENCES = 20_000
# Tokens of a short sentence, without special ones.
SHORTEST, LONGEST = 4, 32
# Vectors that are compared, and how far they may be from each other.
_COMPARED, _TOLERANCE = 32, 1e-4
_PEERS = ("torch", "transformers", "sentence_transformers")


def short_sentences(data: str | Path, count: int) -> list[str]:
    """The first short sentences of a store's training split, as text.

    Raises:
      UserError: it has too few.
    """
    split = TokenStore.open(data).train
    tokenizer = load_tokenizer(Path(data) / "tokenizer")
    offsets = split.sentence_offsets
    # More than enough in all but odd stores, and not the offsets of the whole of a large one.
    lengths = np.diff(offsets[: 50 * count])
    chosen = np.flatnonzero((lengths >= SHORTEST) & (lengths <= LONGEST))[:count]
    if len(chosen) < count:
        raise UserError(
            f"{data} has {len(chosen):,} sentences of {SHORTEST} to {LONGEST} tokens, and "
            f"{count:,} are to be measured; give a larger store, or fewer --sentences"
        )
    return [tokenizer.decode(split.tokens[offsets[i] : offsets[i + 1]].tolist()) for i in chosen]


def make_folder(folder: Path, tokenizer: Path) -> None:
    """A model with random weights in Hugging Face's layout, by transformers itself."""
    import torch
    import transformers

    torch.manual_seed(0)
    opened = load_tokenizer(tokenizer)
    config = transformers.BertConfig(
        vocab_size=opened.vocab_size,
        hidden_size=384,
        num_hidden_layers=6,
        num_attention_heads=12,
        intermediate_size=1536,
    )
    transformers.BertModel(config).save_pretrained(folder)
    for name, content in ((path.name, path.read_bytes()) for path in tokenizer.iterdir()):
        if not (folder / name).exists():
            (folder / name).write_bytes(content)


def our_step(folder: Path, texts: list[str]) -> Step:
    """All vectors once, by ours."""
    from bert_jax import devices
    from bert_jax.inference.load import load

    devices.initialize("cpu")
    model = load(folder)
    np.save(folder / "ours.npy", model.embed(texts[:_COMPARED]))

    def step() -> None:
        model.embed(texts)

    return step


def peer_step(folder: Path, texts: list[str], threads: int) -> Step:
    """The same by sentence-transformers."""
    import torch
    from sentence_transformers import SentenceTransformer

    torch.set_num_threads(threads)
    # Of a folder without a list of modules it makes an encoder with the mean of its tokens.
    model = SentenceTransformer(str(folder), device="cpu")
    np.save(folder / "theirs.npy", model.encode(texts[:_COMPARED]))

    def step() -> None:
        model.encode(texts)

    return step


def run(data: str | Path, sentences: int = SENTENCES, rounds: int = 5) -> list[Row]:
    """Rows `name peer value unit ratio`: sentences/s of ours, then of the peer with the ratio.

    Args:
      data: a token store, for its sentences and its tokeniser.
      sentences: how many.
      rounds: of turns; a first one more, in which ours compiles, is not counted.

    Raises:
      UserError: a peer is not installed, or the store has too few sentences.
    """
    missing = [name for name in _PEERS if importlib.util.find_spec(name) is None]
    if missing:
        raise UserError(
            "the benchmark compares with sentence-transformers on PyTorch, and there is no "
            f"{' and no '.join(missing).replace('_', '-')} here; install bert-jax[peers] and "
            "sentence-transformers"
        )
    texts, threads = short_sentences(data, sentences), available_cores()
    with tempfile.TemporaryDirectory(prefix="bert-jax-benchmark-") as name:
        folder = Path(name)
        with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
            pool.submit(make_folder, folder, Path(data) / "tokenizer").result()
        makers = ((our_step, (folder, texts)), (peer_step, (folder, texts, threads)))
        with contestants(*makers) as entrants:
            ours, theirs = in_turns(entrants, rounds, steps=1)
        difference = np.abs(np.load(folder / "ours.npy") - np.load(folder / "theirs.npy")).max()
    if difference > _TOLERANCE:
        raise RuntimeError(f"the two sides compute other vectors: they differ by {difference:.2g}")
    row = {
        "name": f"embed {sentences:,} sentences, 6 layers x 384, float32, {threads} threads",
        "unit": "sentences/s",
    }
    return [
        {**row, "peer": None, "value": sentences / statistics.median(ours), "ratio": None},
        {
            **row,
            "peer": "sentence-transformers",
            "value": sentences / statistics.median(theirs),
            "ratio": ratio(ours, theirs),
        },
    ]

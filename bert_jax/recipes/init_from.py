"""First weights that come from another run: the paper's second phase starts from its first."""

import dataclasses
from pathlib import Path
from typing import Any, NamedTuple

import jax

from bert_jax import pretraining
from bert_jax.checkpoint import SKIP, open_read_only
from bert_jax.config import BertConfig
from bert_jax.convert.open_model import open_model
from bert_jax.errors import UserError
from bert_jax.recipes.provenance import read_provenance
from bert_jax.recipes.run_folder import CHECKPOINTS, PROVENANCE
from bert_jax.sharding import unbox
from data_pipeline.tokenization.text_tokenizer import TextTokenizer

# What decides no weight's shape or meaning: the pairs (`new_weights`), dropout, and how weights are
# drawn that are not read.
_MAY_DIFFER = {
    "pair_task",
    "hidden_dropout_prob",
    "attention_probs_dropout_prob",
    "initializer_range",
}


class Source(NamedTuple):
    """Where first weights come from.

    Attributes:
      run: its folder.
      step: of its newest checkpoint.
      config: the shape of its model.
    """

    run: Path
    step: int
    config: BertConfig


def find_source(given: str | Path | None, run_dir: Path) -> tuple[Source, TextTokenizer] | None:
    """The run that a run without a checkpoint starts from; knows nothing of the data yet.

    Args:
      given: the folder of another run, or None for new weights.
      run_dir: of the run itself, which may have been started before.

    Returns:
      The other run with its newest checkpoint, and its tokeniser; or None.

    Raises:
      UserError: there is no such run, it has no checkpoint, or the run was started from other
        weights before.
    """
    source = None if given is None else Path(given).expanduser()
    _check_same_as_before(source, run_dir)
    if source is None:
        return None
    try:
        model = open_model(source)
    except UserError as error:
        raise UserError(f"--init_from {error}") from error
    if model.kind != "run" or model.step is None or model.tokenizer is None:
        raise UserError(f"--init_from {source} is no run")
    return Source(source, model.step, model.config), model.tokenizer


def check_source(
    given: str | Path | None, run_dir: Path, model: BertConfig, tokenizer: TextTokenizer
) -> Source | None:
    """Which weights a run without a checkpoint starts from: `find_source`, if they fit.

    Args:
      given: the folder of another run, or None for new weights.
      run_dir: of the run itself, which may have been started before.
      model: the shape that the weights must have. The objective may be another one; see
        `new_weights`.
      tokenizer: the one that the word table must belong to.

    Raises:
      UserError: as `find_source`, or the other run's model or tokeniser is another.
    """
    found = find_source(given, run_dir)
    if found is None:
        return None
    (source, _, theirs), their_tokenizer = found
    differing = [
        f"{field.name} is {getattr(theirs, field.name)!r} there and "
        f"{getattr(model, field.name)!r} here"
        for field in dataclasses.fields(theirs)
        if field.name not in _MAY_DIFFER
        and getattr(theirs, field.name) != getattr(model, field.name)
    ]
    if differing:
        raise UserError(f"--init_from {source} is another model: {'; '.join(differing)}")
    if their_tokenizer.fingerprint != tokenizer.fingerprint:
        raise UserError(
            f"--init_from {source} has another tokeniser than the data, so that its word table "
            f"means other words; prepare the text with --tokenizer {source / 'tokenizer'}"
        )
    return found[0]


def _check_same_as_before(source: Path | None, run_dir: Path) -> None:
    path = run_dir / PROVENANCE
    if not path.exists():
        return
    before = (read_provenance(run_dir).get("init_from") or {}).get("run")
    if before != (None if source is None else str(source.absolute())):
        was = f"--init_from {before}" if before else "new weights"
        now = f"--init_from {source}" if source else "new weights"
        raise UserError(
            f"{run_dir} was begun with {was}, has no checkpoint of its own yet, and is now asked "
            f"to begin with {now}; give the same again, or another --run_dir"
        )


def about_new_weights(source: Source, ours: BertConfig) -> str | None:
    """A sentence for a person where a run of another pair task cannot give all weights."""
    new = " and ".join(new_weights(source.config, ours))
    if not new:
        return None
    theirs, now = source.config.pair_task, ours.pair_task
    did = f"--init_from {source.run}: that run was pretrained with pairs {theirs!r}, and this one"
    if now == "none":
        return f"{did} has none: it takes all weights but {new}, which it does not need"
    return f"{did} with {now!r}: it takes all weights but {new}, which start at random"


def new_weights(theirs: BertConfig, ours: BertConfig) -> tuple[str, ...]:
    """Paths of what a model of another pair task does not take over.

    The head's labels mean something else there. The pooler serves any pair task, and is there with
    one only.
    """
    if theirs.pair_task == ours.pair_task:
        return ()
    head = "cls/seq_relationship"
    return ("bert/pooler", head) if "none" in (theirs.pair_task, ours.pair_task) else (head,)


def read_weights(source: Source, model: BertConfig, params: Any) -> Any:
    """First weights of a model, from another run but for `new_weights`.

    Args:
      source: of `check_source`.
      model: the shape of the model.
      params: its weights as they are made; what stays is taken from them, and where each lies.
    """
    new = new_weights(source.config, model)
    made = {_name(path): leaf for path, leaf in jax.tree_util.tree_flatten_with_path(params)[0]}

    def target(path: Any, _: Any) -> Any:
        if _name(path).startswith(new):
            return SKIP
        leaf = made[_name(path)]
        return jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=leaf.sharding)

    theirs = unbox(jax.eval_shape(pretraining.make_init(source.config), jax.random.key(0)))
    with open_read_only(source.run / CHECKPOINTS) as checkpoints:
        found = checkpoints.restore_params(
            jax.tree_util.tree_map_with_path(target, theirs), source.step
        )
    read = {_name(path): leaf for path, leaf in jax.tree_util.tree_flatten_with_path(found)[0]}
    return jax.tree_util.tree_map_with_path(
        lambda path, leaf: leaf if _name(path).startswith(new) else read[_name(path)], params
    )


def _name(path: Any) -> str:
    return jax.tree_util.keystr(path, simple=True, separator="/")

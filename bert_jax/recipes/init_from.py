"""First weights that come from another model: a run, a folder of Hugging Face's, Google's release.

The paper's second phase starts from its first; a model that is taken on to a domain starts from
whatever model there is, maybe with more words.
"""

import dataclasses
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from bert_jax import pretraining
from bert_jax.checkpoint import SKIP, open_read_only
from bert_jax.config import BertConfig
from bert_jax.config_file import read_config_file
from bert_jax.convert import hub
from bert_jax.convert.layout import BY_WORD, flatten
from bert_jax.convert.model import Model
from bert_jax.convert.open_model import open_model
from bert_jax.encoder_weights import padded_vocab_size
from bert_jax.errors import UserError
from bert_jax.recipes.init_new import check_new, new_weights, unused_weights
from bert_jax.recipes.provenance import read_provenance
from bert_jax.recipes.run_folder import CHECKPOINTS, CONFIG, PROVENANCE, has_checkpoint
from bert_jax.sharding import unbox
from data_pipeline.errors import DataError
from data_pipeline.tokenization.extension import Extension, extended_rows, extension_of
from data_pipeline.tokenization.files import CaseNotSaid
from data_pipeline.tokenization.text_tokenizer import TextTokenizer

# What decides no weight's shape or meaning: the pairs (`new_weights`), dropout, and how weights are
# drawn that are not read.
_MAY_DIFFER = {
    "pair_task",
    "vocab_size",
    "hidden_dropout_prob",
    "attention_probs_dropout_prob",
    "initializer_range",
}
# What the data decide, and not the model.
_OF_THE_DATA = {"pair_task", "vocab_size"}


class Source(NamedTuple):
    """Where first weights come from.

    Attributes:
      name: its absolute path, or its name on the Hub.
      model: what was found there.
      extension: what the data's vocabulary has more than the model's; None where it is the same.
    """

    name: str
    model: Model
    extension: Extension | None = None


def find_source(given: str | Path | None, run_dir: Path) -> Source | None:
    """The model that a run without a checkpoint starts from; knows nothing of the data yet.

    Args:
      given: a MODEL (`bert_jax.convert.open_model`), or None for new weights.
      run_dir: of the run itself, which may have been started before.

    Raises:
      UserError: there is no such model, it has no tokeniser, or the run was started from other
        weights before.
    """
    name = None if given is None else _absolute(given)
    _check_same_as_before(name, run_dir)
    if name is None:
        return None
    try:
        model = open_model(name)
    except CaseNotSaid as error:
        raise UserError(
            f"--init_from {name}: its vocabulary does not say whether it is cased; bert-jax "
            f"convert {shlex.quote(name)} NEW_FOLDER --uncased (or --cased), and give NEW_FOLDER"
        ) from error
    except (UserError, DataError) as error:
        raise UserError(f"--init_from {error}") from error
    if model.tokenizer is None:
        raise UserError(
            f"--init_from {name} has no tokeniser, so that nobody can tell which word each row of "
            "its word table is of; put the files of its tokeniser beside it"
        )
    return Source(name, model)


def shape_to_take(given: str | Path | None, run_dir: Path) -> BertConfig | None:
    """The shape that an experiment takes over where it does not name one itself.

    Args:
      given: see `find_source`.
      run_dir: of the run. One that was begun from a model has its shape, and goes on with it
        whether the model is named again or not.

    Returns:
      None where a run starts from new weights.
    """
    if has_checkpoint(run_dir):
        begun_from_model = (run_dir / PROVENANCE).exists() and _begun_from(run_dir) is not None
        return read_config_file(run_dir / CONFIG)[0] if begun_from_model else None
    source = find_source(given, run_dir)
    return None if source is None else source.model.config


def taken_fields(config: BertConfig) -> dict[str, Any]:
    """The fields of `shape_to_take` that an experiment may take over."""
    return {
        field.name: getattr(config, field.name)
        for field in dataclasses.fields(config)
        if field.name not in _OF_THE_DATA
    }


def check_source(source: Source, model: BertConfig, tokenizer: TextTokenizer) -> Source:
    """Whether a model's weights fit a run, and with what extension of its vocabulary.

    Args:
      source: of `find_source`.
      model: the shape that the weights must have. Objective and head may be others; see
        `new_weights`.
      tokenizer: the data's, which the word table must belong to, or be extended to.

    Raises:
      UserError: the shape or the tokeniser is another.
    """
    theirs = source.model.config
    differing = [
        f"{field.name} is {getattr(theirs, field.name)!r} there and "
        f"{getattr(model, field.name)!r} here"
        for field in dataclasses.fields(theirs)
        if field.name not in _MAY_DIFFER
        and getattr(theirs, field.name) != getattr(model, field.name)
        # A model that knows no token types may be given a table of them (`check_drawn`).
        and not (field.name == "type_vocab_size" and theirs.type_vocab_size == 0)
    ]
    if differing:
        raise UserError(
            f"--init_from {source.name} is another model: {'; '.join(differing)}. An experiment "
            "that names no shape, such as adapt, takes over that of the model"
        )
    theirs_tokenizer = source.model.tokenizer
    assert theirs_tokenizer is not None
    if theirs_tokenizer.fingerprint == tokenizer.fingerprint:
        return source
    try:
        return source._replace(extension=extension_of(theirs_tokenizer, tokenizer))
    except DataError as error:
        folder = "tokenizer" if source.model.kind == "run" else ""
        raise UserError(
            f"--init_from {source.name} has another tokeniser than the data, so that its word "
            f"table means other words ({error}); prepare the text with --tokenizer "
            f"{source.model.path / folder}, or with one that `bert-jax vocab --extend` made of it"
        ) from error


def check_drawn(source: Source, ours: BertConfig, init_new: Sequence[str], run_dir: Path) -> None:
    """Whether all that a source does not give is meant to start at random.

    Args:
      source: of `find_source`.
      ours: the shape of the run's model; its vocabulary may still be another.
      init_new: patterns of names of what may be drawn (`bert_jax.recipes.init_new`).
      run_dir: of the run. What it was begun with before need not be named again.

    Raises:
      UserError: something else would be drawn, or a pattern fits nothing that is.
    """
    begun = (run_dir / PROVENANCE).exists()
    before = (read_provenance(run_dir).get("init_from") or {}) if begun else {}
    recorded = before.get("new_weights")
    named = recorded if isinstance(recorded, list) else []
    check_new(source.name, source.model, ours, init_new, named)


def check_numbers(source: Source) -> None:
    """Read all weights of a model once, before there is a run that they are no good for.

    Not those of a run on several hosts, each of which reads its own part of them: there it is the
    loss of the first step that tells.

    Raises:
      UserError: a file is damaged, or a weight is NaN or infinite.
    """
    if source.model.kind == "run" and jax.process_count() > 1:
        return
    try:
        source.model.weights.read()
    except UserError as error:
        raise UserError(f"--init_from {error}") from error


def facts_of(source: Source, ours: BertConfig) -> dict[str, Any]:
    """For `provenance.json`: which model, and what of the run's weights it did not give."""
    facts: dict[str, Any] = {"model": source.name, "kind": source.model.kind}
    if source.model.step is not None:
        facts["step"] = source.model.step
    if new := new_weights(source.model, ours):
        facts["new_weights"] = list(new)
    if source.extension is not None:
        facts["new_words"] = len(source.extension.pieces)
    return facts


def about_source(source: Source, ours: BertConfig) -> list[str]:
    """Sentences for a person on what is not simply taken over."""
    lines = []
    new, unused = new_weights(source.model, ours), unused_weights(source.model, ours)
    takes = f"--init_from {source.name}: takes all weights"
    if unused:
        lines.append(f"{takes} but {' and '.join(unused)}, which this run does not need")
    if new:
        lines.append(f"{takes} that it has; {' and '.join(new)} start at random")
    if source.extension is not None:
        words = len(source.extension.pieces)
        lines.append(
            f"--init_from {source.name}: {words:,} new words, whose rows start as the mean of "
            "their pieces"
        )
    return [*lines, *source.model.weights.notes]


def read_weights(source: Source, model: BertConfig, params: Any) -> Any:
    """First weights of a run, from a model but for `new_weights`.

    Args:
      source: of `check_source`.
      model: the shape of the run's model.
      params: its weights as they are made; what stays is taken from them, and where each lies.
    """
    new = new_weights(source.model, model)
    made = flatten(params)
    as_it_is = source.extension is None and source.model.config.vocab_size == model.vocab_size
    if source.model.kind == "run" and as_it_is:
        read = _read_in_place(source, new, made)
    else:
        read = {
            path: _placed(_with_words(path, np.asarray(leaf), source, model), made[path])
            for path, leaf in flatten(source.model.weights.read()).items()
            if path in made and not path.startswith(new)
        }
    return jax.tree_util.tree_map_with_path(
        lambda path, leaf: read.get(jax.tree_util.keystr(path, simple=True, separator="/"), leaf),
        params,
    )


def _read_in_place(source: Source, new: tuple[str, ...], made: dict[str, Any]) -> dict[str, Any]:
    """The weights of a run, each host reading what lies on it."""

    def target(path: Any, _: Any) -> Any:
        name = jax.tree_util.keystr(path, simple=True, separator="/")
        if name not in made or name.startswith(new):
            return SKIP
        leaf = made[name]
        return jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=leaf.sharding)

    init = pretraining.make_init(source.model.config)
    theirs = unbox(jax.eval_shape(init, jax.random.key(0)))
    with open_read_only(source.model.path / CHECKPOINTS) as checkpoints:
        found = flatten(
            checkpoints.restore_params(
                jax.tree_util.tree_map_with_path(target, theirs), source.model.step
            )
        )
    return {path: leaf for path, leaf in found.items() if leaf is not SKIP}


def _with_words(path: str, leaf: Any, source: Source, model: BertConfig) -> Any:
    """A weight with a row for each of the run's words, old rows equal to the bit, then padding."""
    if path not in BY_WORD:
        return leaf
    if source.extension is not None:
        leaf = extended_rows(leaf[: source.extension.old_size], source.extension)
    leaf = leaf[: model.vocab_size]
    padding = padded_vocab_size(model.vocab_size) - len(leaf)
    return np.pad(leaf, [(0, padding)] + [(0, 0)] * (leaf.ndim - 1))


def _placed(leaf: Any, like: Any) -> Any:
    """A whole array of this host, laid as another is."""
    return jax.make_array_from_callback(like.shape, like.sharding, lambda index: leaf[index])


def _absolute(given: str | Path) -> str:
    return str(given) if hub.is_hub_name(given) else str(Path(given).expanduser().absolute())


def _begun_from(run_dir: Path) -> str | None:
    """What a run's first weights came from."""
    found = read_provenance(run_dir).get("init_from") or {}
    return found.get("model", found.get("run"))


def _check_same_as_before(name: str | None, run_dir: Path) -> None:
    if not (run_dir / PROVENANCE).exists():
        return
    before = _begun_from(run_dir)
    if before != name:
        was = f"--init_from {before}" if before else "new weights"
        now = f"--init_from {name}" if name else "new weights"
        raise UserError(
            f"{run_dir} was begun with {was}, has no checkpoint of its own yet, and is now asked "
            f"to begin with {now}; give the same again, or another --run_dir"
        )

"""What first weights do not give a run: drawn at random where a person says so, and only there."""

import fnmatch
from collections.abc import Sequence

from bert_jax.config import BertConfig
from bert_jax.convert.difference import listed
from bert_jax.convert.layout import flat_shapes
from bert_jax.convert.model import Model
from bert_jax.convert.names import BERT
from bert_jax.errors import UserError
from bert_jax.head_config import HeadConfig
from bert_jax.pair_tasks import PAIR_TASKS

_NAMES = {name.ours: name.theirs for name in BERT.names}
_PAIR_HEAD = "cls/seq_relationship"


def new_weights(model: Model, ours: BertConfig) -> tuple[str, ...]:
    """Beginnings of the paths of what a run has and its first weights do not give.

    The labels of a head for pairs mean something else in another task. The pooler serves any.
    """
    theirs = flat_shapes(model.config, model.head)
    missing = [path for path in flat_shapes(ours, HeadConfig()) if path not in theirs]
    if model.config.pair_task != ours.pair_task and ours.pair_task != "none":
        missing.append(f"{_PAIR_HEAD}/kernel")
    return _parts(missing)


def unused_weights(model: Model, ours: BertConfig) -> tuple[str, ...]:
    """Beginnings of the paths of what first weights have and a run does not need."""
    needed = flat_shapes(ours, HeadConfig())
    return _parts([path for path in flat_shapes(model.config, model.head) if path not in needed])


def check_new(
    name: str,
    model: Model,
    ours: BertConfig,
    init_new: Sequence[str],
    recorded: Sequence[str] = (),
) -> None:
    """Raise `UserError` where a weight would be drawn that nobody asked to be.

    Args:
      name: what the model is called.
      model: whose weights are the first ones.
      ours: the shape of the run's model.
      init_new: patterns of names, those of transformers' BERT, that may be drawn.
      recorded: of `new_weights`, what the run was begun with before.
    """
    parts = new_weights(model, ours)
    names = {
        _NAMES[path]: part
        for part in parts
        for path in flat_shapes(ours, HeadConfig())
        if f"{path}/".startswith(f"{part}/")
    }
    for pattern in init_new:
        if not fnmatch.filter(names, pattern):
            missing = f"only {listed(list(names))}" if names else "nothing"
            raise UserError(
                f"--init_new {pattern!r} fits no weight that is missing; of what this run needs, "
                f"--init_from {name} lacks {missing}"
            )
    left = {
        weight: part
        for weight, part in names.items()
        if part not in recorded and not any(fnmatch.fnmatchcase(weight, p) for p in init_new)
    }
    if not left:
        return
    flags = [f"--init_new '{part.replace('/', '.')}.*'" for part in dict.fromkeys(left.values())]
    why = ""
    if _PAIR_HEAD in left.values() and (theirs := PAIR_TASKS.get(model.config.pair_task)):
        why = f" (its head for pairs is of {theirs.title}, and this run's is of another task)"
    raise UserError(
        f"--init_from {name} lacks {len(left)} weights of this run: {listed(list(left))}{why}; if "
        f"they are to start at random, add {' '.join(flags)}"
    )


def _parts(paths: list[str]) -> tuple[str, ...]:
    """`cls/predictions` of `cls/predictions/bias` and the like: the parts that a person knows."""
    return tuple(
        dict.fromkeys(
            "/".join(path.split("/")[: 3 if path.startswith("bert/embeddings/") else 2])
            for path in sorted(paths)
        )
    )

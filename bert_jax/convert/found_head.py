"""Which head the weights of a file are of, and whether ours can be it."""

import dataclasses

from bert_jax.config import BertConfig
from bert_jax.convert.canonical import Names
from bert_jax.convert.hf_classes import roberta_gelu
from bert_jax.convert.hf_config import HuggingFaceConfig
from bert_jax.convert.names import Family
from bert_jax.errors import UserError
from bert_jax.head_config import TASKS, HeadConfig


def head_of(
    names: Names, family: Family, said: HuggingFaceConfig, task: str | None
) -> tuple[BertConfig, HeadConfig]:
    """The head whose weights are there; a classifier's kind is what the config names.

    Raises:
      UserError: the config does not say which kind of classifier it is.
    """
    masked = _has_masked_lm(names, family)
    classifies = _has(names, family, "classifier") or any(
        "classifier.out_proj" in name for name in names.original
    )
    if task is None:
        if masked:
            task = "pretraining"
        elif _has(names, family, "qa_outputs"):
            task = "question_answering"
        elif classifies:
            kinds = ("sequence_classification", "token_classification", "multiple_choice")
            if said.task not in kinds:
                raise UserError(
                    "it has a classifier, and its config does not say of what (architectures); "
                    f"give --head with one of {', '.join(kinds)}"
                )
            task = said.task
        else:
            task = "encoder"
    elif task not in TASKS:
        raise UserError(f"there is no head {task!r}; there are {', '.join(TASKS)}")
    pair_task = "none"
    if task == "pretraining" and _has_pairs(names, family):
        # Files of a class for masked LMs often have this head, too.
        named = said.config.pair_task
        pair_task = "next_sentence" if named == "none" else named
    return dataclasses.replace(said.config, pair_task=pair_task), HeadConfig(
        task=task,
        labels=said.labels if task.endswith("classification") else (),
        problem_type=(
            said.problem_type
            if task == "sequence_classification"
            else "single_label_classification"
        ),
        has_pooler=_has(names, family, "bert/pooler") if task == "encoder" else True,
        classifier_dropout=said.classifier_dropout.get(task),
    )


def why_not_ours(
    names: Names,
    family: Family,
    said: HuggingFaceConfig,
    config: BertConfig,
    head: HeadConfig,
    task: str | None,
) -> str | None:
    """Why no head of ours is that of a file, of which the encoder can be taken; None if one is.

    Args:
      names: of the file.
      family: of the names.
      said: what its config says.
      config: of `head_of`.
      head: of `head_of`.
      task: what it was asked for; an encoder that is asked for is one.
    """
    if task is None and head.task == "encoder" and _has_pairs(names, family):
        return (
            "it has a head for next sentences alone, without one for masked LM, and no head of "
            "ours is that"
        )
    if head.task != "pretraining":
        return None
    if said.model_type == "roberta" and config.hidden_act != "gelu":
        return roberta_gelu(config)
    if not said.tied and set(family.tied.values()) - names.tied.keys():
        return (
            "tie_word_embeddings is False, so that its masked LM head has a last layer of its own, "
            "which is not there; ours is the word table"
        )
    return None


def _has_pairs(names: Names, family: Family) -> bool:
    return _has(names, family, "cls/seq_relationship")


def _has_masked_lm(names: Names, family: Family) -> bool:
    theirs = {name.ours: name.theirs for name in family.names}
    bias = theirs["cls/predictions/bias"] in names.original
    return bias or _has(names, family, "cls/predictions/transform")


def _has(names: Names, family: Family, path: str) -> bool:
    theirs = {name.ours: name.theirs for name in family.names}
    return any(theirs.get(f"{path}/{leaf}") in names.original for leaf in ("kernel", "bias"))

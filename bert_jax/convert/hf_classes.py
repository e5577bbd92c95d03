"""Which class of transformers a model is, and of which family of names its weights are."""

from bert_jax.config import BertConfig
from bert_jax.convert.names import BERT, DISTILBERT, ROBERTA, ROBERTA_CLASSIFIER, Family
from bert_jax.errors import UserError
from bert_jax.head_config import HeadConfig

# transformers' class -> our task, by the end of its name.
CLASS_TASKS = {
    "ForPreTraining": "pretraining",
    "ForMaskedLM": "pretraining",
    "ForSequenceClassification": "sequence_classification",
    "ForTokenClassification": "token_classification",
    "ForQuestionAnswering": "question_answering",
    "ForMultipleChoice": "multiple_choice",
    "Model": "encoder",
}
# Those and what is read and never written: the weights of a masked LM, or less than its heads.
READ_TASKS = {
    "LMHeadModel": "pretraining",
    "ForCausalLM": "pretraining",
    "ForNextSentencePrediction": "encoder",
    **CLASS_TASKS,
}
# Tasks whose class heeds a dropout of its own before the last layer; others take the encoder's.
DROPPING_OUT = {
    "bert": ("sequence_classification", "token_classification", "multiple_choice"),
    "roberta": ("sequence_classification", "token_classification"),
    "distilbert": ("sequence_classification", "multiple_choice"),
}


def model_type_of(config: BertConfig) -> str:
    """Which family a model of ours is written as.

    Raises:
      UserError: none has such a shape.
    """
    if config.type_vocab_size == 0 and config.position_offset == 0:
        return "distilbert"
    if config.type_vocab_size == 0:
        raise UserError("no family has a position_offset and no token types (type_vocab_size 0)")
    return "roberta" if config.position_offset else "bert"


def family_of(model_type: str, task: str) -> Family:
    """The names of the weights of a family's model with that head."""
    if model_type == "roberta":
        return ROBERTA_CLASSIFIER if task == "sequence_classification" else ROBERTA
    return {"bert": BERT, "distilbert": DISTILBERT}[model_type]


def class_of(config: BertConfig, head: HeadConfig) -> str:
    """The class of transformers that a model is."""
    model_type = model_type_of(config)
    base = {"bert": "Bert", "roberta": "Roberta", "distilbert": "DistilBert"}[model_type]
    if head.task == "pretraining":
        return f"{base}ForMaskedLM" if config.pair_task == "none" else f"{base}ForPreTraining"
    return base + next(ending for ending, task in CLASS_TASKS.items() if task == head.task)


def roberta_gelu(config: BertConfig) -> str:
    """Why a masked LM of RoBERTa with another activation is none of ours, or ours none of it."""
    return (
        "the masked LM head of transformers' roberta computes the exact GELU whatever its "
        f"hidden_act, which is {config.hidden_act!r} here; ours computes what that says"
    )


def refused_activation(config: BertConfig, head: HeadConfig) -> str | None:
    """Why no class of transformers computes such a model with its `hidden_act`; None if one does.

    A config of an encoder that is in no family has none to be refused by.
    """
    of_roberta = config.position_offset > 0 and head.task == "pretraining"
    return roberta_gelu(config) if of_roberta and config.hidden_act != "gelu" else None


def check_has_class(config: BertConfig, head: HeadConfig) -> None:
    """Raise `UserError` where no class of transformers is such a model, with why."""
    model_type = model_type_of(config)
    has_pooler = head.needs_pooler or (head.task == "pretraining" and config.pair_task != "none")
    if model_type != "bert" and head.task == "pretraining" and config.pair_task != "none":
        raise UserError(
            f"transformers has no {model_type} with a head for pairs (pair_task "
            f"{config.pair_task!r})"
        )
    if model_type == "roberta" and head.task == "pretraining" and config.hidden_act != "gelu":
        raise UserError(roberta_gelu(config))
    wanted = {"distilbert": "relu"}.get(model_type, "tanh")
    if has_pooler and config.pooler_act != wanted:
        raise UserError(f"transformers' {model_type} pools with {wanted}, not {config.pooler_act}")
    if model_type == "distilbert" and config.layer_norm_eps != 1e-12:
        raise UserError(
            f"transformers' distilbert has a layer_norm_eps of 1e-12, not {config.layer_norm_eps}"
        )
    if model_type == "distilbert" and head.task == "encoder" and head.has_pooler:
        raise UserError("transformers' distilbert without a head has no pooler")

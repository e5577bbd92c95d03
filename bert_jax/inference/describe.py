"""What a model is, in words, and the error where another is needed."""

from bert_jax.config import BertConfig
from bert_jax.errors import UserError
from bert_jax.formatting import format_amount
from bert_jax.head_config import TASKS, HeadConfig
from bert_jax.pair_tasks import PAIR_TASKS


def describe_head(config: BertConfig, head: HeadConfig) -> str:
    """What a model is, for a person: `a model with the heads of pretraining (masked LM, NSP)`."""
    if head.task == "encoder":
        return TASKS["encoder"]
    if head.task != "pretraining":
        return f"a model with a head for {TASKS[head.task]}"
    pair = PAIR_TASKS.get(config.pair_task)
    return f"a model with a masked LM head{f' and one for {pair.title}' if pair else ' alone'}"


def describe_model(config: BertConfig, head: HeadConfig) -> str:
    """The same with its shape, as `...; 12 layers, width 768, vocabulary 30,522`."""
    layers = format_amount(config.num_hidden_layers, "layer")
    return (
        f"{describe_head(config, head)}; {layers}, width {config.hidden_size:,}, vocabulary "
        f"{config.vocab_size:,}"
    )


def check_head(config: BertConfig, head: HeadConfig, task: str, what: str) -> None:
    """Raise `UserError` where the head is for another task; `what` is what was asked for."""
    if head.task != task:
        raise UserError(
            f"the model cannot {what}, for which it needs a head for {TASKS[task]}; it is "
            f"{describe_head(config, head)}"
        )


def check_pair_head(config: BertConfig, head: HeadConfig, task: str) -> None:
    """Raise `UserError` where a model has no head for such pairs (`bert_jax.pair_tasks`)."""
    has = config.pair_task if head.task == "pretraining" else "none"
    if has != task:
        raise UserError(
            f"the model has no {PAIR_TASKS[task].title} head ({task.replace('_', ' ')}); it "
            f"is {describe_head(config, head)}"
        )

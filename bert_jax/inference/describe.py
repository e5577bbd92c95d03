"""What a model is, in words."""

from bert_jax.config import BertConfig
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

"""`README.md` of a folder in Hugging Face's layout: the model card, with the Hub's metadata.

It says what is known and leaves out the rest.
"""

from typing import NamedTuple

from bert_jax.config import BertConfig
from bert_jax.convert.hf_classes import class_of
from bert_jax.convert.layout import count_weights
from bert_jax.convert.tensors import printable
from bert_jax.errors import UserError
from bert_jax.formatting import format_count
from bert_jax.head_config import TASKS, HeadConfig
from bert_jax.pair_tasks import PAIR_TASKS
from data_pipeline.wording import amount

CARD = "README.md"
# The Hub's names of what a head does.
_PIPELINES = {
    "pretraining": "fill-mask",
    "sequence_classification": "text-classification",
    "token_classification": "token-classification",
    "question_answering": "question-answering",
    "multiple_choice": "multiple-choice",
    "encoder": "feature-extraction",
}


class Result(NamedTuple):
    """One number on held-out text.

    Attributes:
      name: what a person calls it.
      metric: the Hub's name of the metric, such as accuracy.
      value: the number.
    """

    name: str
    metric: str
    value: float


class Facts(NamedTuple):
    """What is known of a model beside its weights; empty where it is not.

    Attributes:
      languages: codes, such as en.
      license: the Hub's name of one.
      datasets: names of data sets of the Hub.
      data: a line on each text that it was trained on.
      recipe: how it was trained: name -> value.
      results: on held-out text of the same data.
      origin: a sentence: what it was converted from.
    """

    languages: tuple[str, ...] = ()
    license: str | None = None
    datasets: tuple[str, ...] = ()
    data: tuple[str, ...] = ()
    recipe: tuple[tuple[str, str], ...] = ()
    results: tuple[Result, ...] = ()
    origin: str = ""


def model_card(name: str, config: BertConfig, head: HeadConfig, facts: Facts) -> str:
    """The text of the card.

    Args:
      name: of the model.
      config: of its encoder.
      head: on it.
      facts: what is known of how it was made.
    """
    # That of a folder, which may hold a line end.
    name = printable(name)
    parts = [
        f"---\n{_metadata(name, head, facts)}\n---\n",
        f"# {name}\n",
        f"{_what(config, head)} {facts.origin}".rstrip() + "\n",
        f"## Use\n\n```python\n{_use(config, head)}\n```\n",
    ]
    if facts.data:
        parts.append("## Training data\n\n" + "\n".join(f"- {line}" for line in facts.data) + "\n")
    if facts.recipe:
        rows = "\n".join(f"| {key} | {value} |" for key, value in facts.recipe)
        parts.append(f"## Recipe\n\n| | |\n|---|---|\n{rows}\n")
    if facts.results:
        rows = "\n".join(f"| {each.name} | {each.value:.4g} |" for each in facts.results)
        parts.append(f"## Results on held-out text\n\n| | |\n|---|---|\n{rows}\n")
    return "\n".join(parts)


def _metadata(name: str, head: HeadConfig, facts: Facts) -> str:
    # Imported late: a tenth of a second.
    from huggingface_hub import EvalResult, ModelCardData

    pools = head.pooling != "none"
    task = "sentence-similarity" if pools else _PIPELINES[head.task]
    results = [
        EvalResult(
            task_type=task,
            dataset_type=facts.datasets[0] if len(facts.datasets) == 1 else "text",
            dataset_name="held-out text of the training data",
            metric_type=each.metric,
            metric_name=each.name,
            metric_value=each.value,
        )
        for each in facts.results
    ]
    languages = list(facts.languages)
    return ModelCardData(
        language=languages[0] if len(languages) == 1 else languages or None,
        license=facts.license,
        library_name="sentence-transformers" if pools else "transformers",
        tags=["bert-jax"],
        datasets=list(facts.datasets) or None,
        pipeline_tag=task,
        model_name=name if results else None,
        eval_results=results or None,
        ignore_metadata_errors=False,
    ).to_yaml()


def _what(config: BertConfig, head: HeadConfig) -> str:
    pairs = PAIR_TASKS.get(config.pair_task)
    heads = {
        "pretraining": "the masked LM head" + (f" and the {pairs.title} head" if pairs else ""),
        "encoder": "no head",
    }.get(head.task, f"a head for {TASKS[head.task]}")
    layers = amount(config.num_hidden_layers, "layer")
    attention = amount(config.num_attention_heads, "attention head")
    return (
        f"A BERT-style encoder with {layers}, {config.hidden_size} wide, {attention}, a "
        f"vocabulary of {config.vocab_size:,} and at most {config.max_length} tokens; "
        f"{format_count(count_weights(config, head))} weights, with {heads}."
    )


def _use(config: BertConfig, head: HeadConfig) -> str:
    if head.pooling != "none":
        return (
            "from sentence_transformers import SentenceTransformer\n\n"
            'vectors = SentenceTransformer("PATH_OR_NAME").encode(["A sentence."])'
        )
    name = class_of(config, head)
    # Without it, transformers makes a pooler at random, and warns of that.
    lacks_pooler = name in ("BertModel", "RobertaModel") and not head.has_pooler
    more = ", add_pooling_layer=False" if lacks_pooler else ""
    return (
        f"from transformers import AutoTokenizer, {name}\n\n"
        'tokenizer = AutoTokenizer.from_pretrained("PATH_OR_NAME")\n'
        f'model = {name}.from_pretrained("PATH_OR_NAME"{more})'
    )


def check_flags(languages: tuple[str, ...], license_name: str | None) -> None:
    """Raise `UserError` where what a person says for the card cannot stand in its metadata."""
    for what, value in (
        *(("--language", language) for language in languages),
        ("--license", license_name),
    ):
        if value is not None and (not value.isprintable() or not value or " " in value):
            raise UserError(f"{what} {value!r} is no code; {what} {_EXAMPLES[what]} is one")


_EXAMPLES = {"--language": "en", "--license": "apache-2.0"}

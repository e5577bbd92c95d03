"""The facts of `inspect_model` as text for a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from bert_jax.convert.canonical import count_left
from bert_jax.convert.tensors import printable
from bert_jax.formatting import format_amount
from bert_jax.head_config import TASKS
from bert_jax.pair_tasks import PAIR_TASKS
from bert_jax.recipes.show_tensors import show_tensors
from bert_jax.wrapping import wrap

# A name in the first column, what there is to say in the second.
Line = tuple[str, str]
_FAMILIES = {"bert": "BERT", "roberta": "RoBERTa", "distilbert": "DistilBERT"}
_LAYOUTS = {
    "hugging_face": "Hugging Face's layout",
    "google": "a TensorFlow checkpoint of google-research/bert",
}
_TOKENIZERS = {"wordpiece": "WordPiece", "byte_level_bpe": "byte-level BPE"}
_POOLINGS = {
    "cls": "the first token",
    "lasttoken": "the last token",
    "mean": "the mean of all tokens",
    "mean_sqrt_len_tokens": "the sum of all tokens by the root of their number",
    "weightedmean": "the mean of all tokens, later ones counting more",
    "max": "the largest of each number",
}
_LABELS = 12
_LEFT = 3


def show_model(facts: Mapping[str, Any], columns: int = 80) -> str:
    """The facts of `model_facts` as text of at most `columns` columns, names of files aside."""
    family = _FAMILIES.get(facts["model_type"], "of a family that is not known")
    lines = [("model", facts["model"]), ("", f"{_LAYOUTS[facts['layout']]}, {family}")]
    if facts["head"]:
        lines += head_lines(facts["head"], facts["config"]["pair_task"])
        named = facts["named_task"]
        if named is not None and named != facts["head"]["task"]:
            lines.append(("", f"(its config names a class for {TASKS[named]})"))
    if facts["config"]:
        lines += shape_lines(facts["config"])
    lines += parameter_lines(facts)
    lines += _weight_lines(facts)
    lines += tokenizer_lines(
        facts["tokenizer"], "none that can be read" if facts["problems"] else ""
    )
    lines += sentence_lines(facts["sentences"])
    lines += _known_lines(facts["known"])
    for i, (why, names) in enumerate(facts["left"].items()):
        more = ", ..." if len(names) > _LEFT else ""
        listed = ", ".join(map(printable, names[:_LEFT])) + more
        lines.append(("" if i else "left out", f"{count_left(len(names), why)}: {listed}"))
    lines += _verdict(facts)
    text = show_lines(lines, columns)
    if facts.get("tensors"):
        text += show_tensors(facts["tensors"], columns)
    return text


def show_lines(lines: Iterable[Line], columns: int) -> str:
    """Two columns, the second in as many lines as it needs."""
    lines = list(lines)
    width = max(len(name) for name, _ in lines)
    return "".join(
        line + "\n"
        for name, value in lines
        for line in wrap(f"{name:{width}}  {value}", columns, hanging=" " * (width + 2))
    )


def head_lines(head: Mapping[str, Any], pair_task: str) -> list[Line]:
    """What is on the encoder, and the names of its classes."""
    task = TASKS[head["task"]]
    if head["task"] == "pretraining":
        pairs = f" and {PAIR_TASKS[pair_task].title}" if pair_task != "none" else ""
        return [("head", f"masked LM{pairs}")]
    if head["task"] == "encoder":
        return [("head", "none" + ("" if head["has_pooler"] else ", and no pooler"))]
    labels = [printable(label, 40) for label in head["labels"]]
    if not labels:
        return [("head", task)]
    kind = head["problem_type"].replace("_", " ")
    kind = f", {kind}" if head["task"] == "sequence_classification" else ""
    more = f" and {len(labels) - _LABELS:,} more" if len(labels) > _LABELS else ""
    listed = ", ".join(labels[:_LABELS]) + more
    return [("head", f"{task}{kind}"), ("", f"{format_amount(len(labels), 'label')}: {listed}")]


def shape_lines(config: Mapping[str, Any], name: str = "shape") -> list[Line]:
    """The encoder's shape; `name` stands before it."""
    offset = config["position_offset"]
    return [
        (
            name,
            f"{format_amount(config['num_hidden_layers'], 'layer')}, {config['hidden_size']} wide, "
            f"{format_amount(config['num_attention_heads'], 'head')}, "
            f"vocabulary {config['vocab_size']:,}",
        ),
        (
            "",
            f"{config['intermediate_size']:,} inside, "
            f"{format_amount(config['max_position_embeddings'], 'position')}"
            + (f" (the first is {offset})" if offset else "")
            + f", {format_amount(config['type_vocab_size'], 'token type')}",
        ),
        ("", f"{config['hidden_act']}, LayerNorm's epsilon {config['layer_norm_eps']:g}"),
    ]


def parameter_lines(facts: Mapping[str, Any]) -> list[Line]:
    """How many weights there are, and where."""
    if facts["parameters"] is None:
        return []
    parts = [(part, f"{count:,}") for part, count in facts["parameters_by_part"].items()]
    wide = max(len(part) for part, _ in parts)
    long = max(len(count) for _, count in parts)
    without = facts["parameters_without_embeddings"]
    return [
        ("parameters", f"{facts['parameters']:,}; {without:,} without embeddings"),
        *(("", f"  {part:{wide}}  {count:>{long}}") for part, count in parts),
    ]


def tokenizer_lines(tokenizer: Mapping[str, Any] | None, none: str = "") -> list[Line]:
    """What kind it is, and its special tokens with their ids; or `none`."""
    if tokenizer is None:
        return [("tokeniser", none or "none")]
    kind = _TOKENIZERS.get(tokenizer["kind"])
    if kind is None:
        model_type = tokenizer["model_type"]
        kind = f"SentencePiece {model_type.upper() if model_type == 'bpe' else model_type}"
    case = "cased" if tokenizer["cased"] else "uncased"
    if not tokenizer.get("says_its_case", True):
        case += " by its looks: a lone vocab.txt does not say it"
    special = ", ".join(
        f"{printable(each['token'], 40)} {each['id']}"
        for each in tokenizer["special_tokens"].values()
    )
    return [
        ("tokeniser", f"{kind}, {tokenizer['vocab_size']:,} tokens, {case}"),
        ("", special),
    ]


def _weight_lines(facts: Mapping[str, Any]) -> Iterator[Line]:
    weights = facts["weights"]
    if weights is None:
        return
    numbers = weights["numbers"]
    kinds = "no numbers" if not numbers else next(iter(numbers))
    if len(numbers) > 1:
        kinds = ", ".join(f"{count:,} of {kind}" for kind, count in numbers.items())
    yield "weights", f"{format_amount(weights['tensors'], 'tensor')}, {kinds}"
    for name, size in weights["files"].items():
        yield "", f"{format_amount(size, 'B')}  {name}"


def sentence_lines(sentences: Mapping[str, Any] | None) -> list[Line]:
    """How an encoder makes vectors of sentences, where it was trained to."""
    if sentences is None:
        return []
    modes = [_POOLINGS[mode] for mode in sentences["pooling"].split("+")]
    said = f"a vector is {', then '.join(modes)}"
    said += ", divided by its length" if sentences["normalize"] else ""
    lines = [("sentences", said)]
    if length := sentences["max_length"]:
        lowered = "made lower case and " if sentences["lowercase"] else ""
        lines.append(("", f"a text is {lowered}cut to {length:,} tokens"))
    for name, prompt in sentences["prompts"].items():
        used = ", put before every text" if name == sentences["default_prompt"] else ""
        lines.append(("", f"prompt {printable(name)}: {printable(repr(prompt))}{used}"))
    return lines


def _known_lines(known: Mapping[str, Any]) -> Iterator[Line]:
    """What was said of its training by who made it."""
    if "steps" in known:
        yield "trained", f"{known['steps']:,} steps (global_step)"
    said = [f"licence {known['license']}"] if "license" in known else []
    for name, what in (("languages", "language"), ("datasets", "data")):
        if name in known:
            said.append(f"{what} {', '.join(known[name])}")
    if said:
        yield "card", "; ".join(said)
    for i, result in enumerate(known.get("results", [])):
        yield "" if i else "results", f"{result['name']}: {result['value']:.6g}"


def _verdict(facts: Mapping[str, Any]) -> Iterator[Line]:
    if facts["opens"]:
        yield "opens", "yes: every weight is there, and no other"
        return
    yield "opens", "no"
    for problem in facts["problems"]:
        yield "problem", problem
    difference = facts["difference"]
    if not difference:
        return
    shapes = [
        f"{printable(name)} is {found} and must be {needed}"
        for name, (found, needed) in difference["misshapen"].items()
    ]
    types = [f"{printable(name)} is {printable(t)}" for name, t in difference["unfit"].items()]
    for what, listed in (
        ("missing", [printable(name) for name in difference["missing"]]),
        ("unexpected", [printable(name) for name in difference["unexpected"]]),
        ("misshapen", shapes),
        ("no floats", types),
    ):
        if listed:
            yield what, f"{len(listed):,}:"
            yield from (("", f"  {line}") for line in listed)
    if difference["missing"] or difference["unexpected"]:
        yield (
            "remedy",
            "--drop leaves what is unexpected, --new lets what is missing start at random",
        )

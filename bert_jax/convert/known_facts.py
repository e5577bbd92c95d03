"""What a model's folder says of how it was made, for the card of what it is converted to.

Everything here is for people to read: what is missing or damaged is left out.
"""

import json
import math
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from bert_jax.convert.model import Model
from bert_jax.convert.model_card import CARD, Facts, Result
from bert_jax.convert.tensors import printable
from data_pipeline.wording import amount

PROVENANCE, EVALUATION, OPERATIVE = "provenance.json", "evaluation.json", "operative.gin"
# Of a run that was converted: what was known of its source.
KEPT = "card.json"
_LARGEST_FILE = 10_000_000
_MOST = 20
# Settings that a reader of the card wants to know -> what they are called there.
_RECIPE = {
    "TrainConfig.num_steps": "steps",
    "TrainConfig.batch_size": "batch size",
    "TrainConfig.learning_rate": "peak learning rate",
    "TrainConfig.warmup_steps": "warm-up steps",
    "OptimizerConfig.preset": "optimiser",
    "OptimizerConfig.weight_decay": "weight decay",
    "PretrainingObjective.max_length": "tokens in a row",
    "PretrainingObjective.masked_lm_prob": "share of tokens masked",
    "PretrainingObjective.masking": "masking",
    "PretrainingObjective.pairs": "pairs",
    "TrainConfig.seed": "seed",
}
# Keys of evaluation.json -> for a person, the Hub's metric, and the key in it.
_RESULTS = (
    ("masked LM loss (nats)", "loss", "mlm", "loss"),
    ("masked LM accuracy", "accuracy", "mlm", "accuracy"),
    ("next sentence accuracy", "accuracy", "nsp", "accuracy"),
    ("sentence order accuracy", "accuracy", "sop", "accuracy"),
)
_SETTING = re.compile(r"^([\w.]+) = (.+)$", re.MULTILINE)
_HUB_DATA = re.compile(r"hf:datasets/([\w.-]+/[\w.-]+)")


def facts_of(model: Model, source: str) -> Facts:
    """What is known of a model.

    Args:
      model: as it was opened.
      source: what the user called it.
    """
    if model.kind == "run":
        return _of_run(model.path, model.step)
    if model.kind == "google":
        return Facts(origin="Converted from a TensorFlow checkpoint of google-research/bert.")
    origin = f"Converted from {source.removeprefix('hf:')}." if source.startswith("hf:") else ""
    return card_facts(model.path / CARD)._replace(results=(), origin=origin)


def kept_json(facts: Facts) -> str | None:
    """What a run keeps, in `KEPT`, of the card of what it was converted from; None of nothing."""
    names = ("languages", "license", "datasets", "origin")
    found = {name: value for name in names if (value := getattr(facts, name))}
    return json.dumps(found, indent=2) + "\n" if found else None


def kept_facts(folder: Path) -> Facts:
    """The same, read from the folder of a run."""
    found = _object(folder / KEPT)
    origin, named = found.get("origin"), found.get("license")
    return Facts(
        languages=_names(found.get("languages")),
        license=named if _is_text(named) else None,
        datasets=_names(found.get("datasets")),
        origin=str(origin) if _is_text(origin) else "",
    )


def _of_run(folder: Path, step: int | None) -> Facts:
    made, results = _object(folder / PROVENANCE), _object(folder / EVALUATION)
    kept = kept_facts(folder)
    data = made.get("data")
    stores = list(_stores(data)) if isinstance(data, dict) else []
    inputs = [source for store in stores for source in _sources(store)]
    languages = {str(store["language"]) for store in stores if _is_text(store.get("language"))}
    hub = {found[1] for name, _ in inputs if (found := _HUB_DATA.match(name))}
    versions = made.get("versions")
    settings = dict(_SETTING.findall(_text(folder / OPERATIVE)))
    recipe = [
        (title, settings[name].strip("'")) for name, title in _RECIPE.items() if name in settings
    ]
    for title, value in (
        ("devices", made.get("devices")),
        ("bert-jax", versions.get("bert-jax") if isinstance(versions, dict) else None),
        ("commit", made.get("git_commit")),
    ):
        if _is_text(value):
            recipe.append((title, str(value)))
    return Facts(
        languages=tuple(sorted(languages)) or kept.languages,
        license=kept.license,
        datasets=tuple(sorted(hub)) or kept.datasets,
        data=tuple(line for _, line in inputs[:_MOST]),
        recipe=tuple((title, _cell(value)) for title, value in recipe),
        # Those of another step are of another model.
        results=tuple(_results(results)) if results.get("step") == step else (),
        origin=f"Trained with bert-jax for {amount(step, 'step')}."
        if made and step
        else kept.origin,
    )


def _stores(data: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    stores = data.get("stores")
    if not isinstance(stores, list):
        yield data
        return
    yield from (store for store in stores if isinstance(store, dict))


def _sources(store: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Each input, and a line on it. Of a file its name: its folder says nothing to others."""
    recipe = store.get("recipe")
    if isinstance(recipe, dict) and isinstance(recipe.get("packages"), dict):
        yield "", f"the English documentation of {len(recipe['packages'])} Python packages"
    sources = store.get("sources")
    for source in sources if isinstance(sources, list) else []:
        name = source.get("input") if isinstance(source, dict) else None
        if not isinstance(name, str) or not _is_text(name):
            continue
        shown = name if name.startswith(("hf:", "tfds:")) else Path(name).name
        count, licence = source.get("train_documents"), source.get("licence")
        more = [amount(count, "document")] if type(count) is int else []
        more += [f"licence {licence}"] if _is_text(licence) else []
        yield name, _cell(shown + (f" ({'; '.join(more)})" if more else ""))


def _results(found: Mapping[str, Any]) -> Iterator[Result]:
    for name, metric, task, key in _RESULTS:
        of_task = found.get(task)
        value = of_task.get(key) if isinstance(of_task, dict) else None
        if isinstance(value, int | float) and math.isfinite(value):
            yield Result(name, metric, float(value))


def card_facts(path: Path) -> Facts:
    """Language, licence, data sets and results of a model card that is there already."""
    text = _text(path)
    if not text.startswith("---"):
        return Facts()
    # Imported late: a tenth of a second.
    from huggingface_hub import ModelCard

    try:
        card = ModelCard(text, ignore_metadata_errors=True).data
        data, results = card.to_dict(), tuple(_results_of_card(card.get("eval_results")))
    except Exception:  # YAML's errors have many types, and a card decides nothing
        return Facts()
    named = data.get("license")
    return Facts(
        languages=_names(data.get("language")),
        license=named if _is_text(named) else None,
        datasets=_names(data.get("datasets")),
        results=results,
    )


def _results_of_card(found: Any) -> Iterator[Result]:
    for each in (found or [])[:_MOST]:
        name, metric, value = each.metric_name or each.metric_type, each.metric_type, None
        if type(each.metric_value) in (int, float):
            value = float(each.metric_value)
        if value is not None and math.isfinite(value) and _is_text(name) and _is_text(metric):
            data = f", {each.dataset_name}" if _is_text(each.dataset_name) else ""
            yield Result(f"{name}{data}", metric, value)


def _names(value: Any) -> tuple[str, ...]:
    values = value if isinstance(value, list) else [value]
    return tuple(each for each in values[:_MOST] if _is_text(each))


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value) <= 200 and value.isprintable()


def _cell(text: str) -> str:
    """Text that can stand in a table of Markdown."""
    return printable(text).replace("|", "\\|").replace("<", "&lt;")


def _object(path: Path) -> Mapping[str, Any]:
    try:
        found = json.loads(_text(path))
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _text(path: Path) -> str:
    try:
        if not path.is_file() or path.stat().st_size > _LARGEST_FILE:
            return ""
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError):
        return ""

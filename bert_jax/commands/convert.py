"""`bert-jax convert`: a model in another layout, checked against what it was made of."""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from bert_jax.commands.convert_arguments import default_format
from bert_jax.commands.output import print_json
from bert_jax.errors import UserError

if TYPE_CHECKING:
    from bert_jax.convert.model import Model
    from bert_jax.convert.self_check import WeightsCheck
    from bert_jax.convert.write import Written

_KINDS = {
    "run": "a run of bert-jax",
    "hugging_face": "Hugging Face's layout",
    "google": "a TensorFlow checkpoint of google-research/bert",
}


class _Checked(NamedTuple):
    weights: WeightsCheck | None
    """Of what was read again; None where no weights are in what was written alone."""
    outputs: float | None
    """The largest difference of the outputs, relative to the largest output."""
    beside: str
    """What the outputs are compared with, or why they are not."""
    signature: dict[str, Any] | None = None
    """Of a program: what it takes and gives, and where it runs."""


def run(arguments: argparse.Namespace) -> None:
    """Write the model, and say what was read, left out, written and checked."""
    from bert_jax.convert.model_card import check_flags
    from bert_jax.convert.new_folder import check_new

    dest = Path(arguments.dest).expanduser()
    check_new(dest)
    check_flags(tuple(arguments.language), arguments.license)
    from bert_jax import devices
    from bert_jax.convert.hf_classes import refused_activation
    from bert_jax.convert.open_model import open_model

    # No device is faster at copying, and none has as much memory.
    devices.initialize("cpu")
    model = open_model(
        arguments.source,
        task=arguments.head,
        step=arguments.step,
        cased=arguments.cased,
        drop=arguments.drop,
        new=arguments.new,
        with_tokenizer=not arguments.weights_only,
    )
    if arguments.hidden_act is not None:
        config = dataclasses.replace(model.config, hidden_act=arguments.hidden_act)
        if why := refused_activation(config, model.head):
            raise UserError(f"--hidden_act {arguments.hidden_act}: {why}")
        model = model._replace(weights=model.weights._replace(config=config))
    layout = arguments.to or default_format(model.kind)
    _check_flags(arguments, layout)
    written, checked = _write(arguments, model, dest, layout)
    if arguments.json:
        print_json(_facts(model, layout, written, checked))
    else:
        _show(arguments.source, model, written, checked)


def _check_flags(arguments: argparse.Namespace, layout: str) -> None:
    if layout == "hf":
        return
    if arguments.dtype != "float32":
        raise UserError(
            f"--dtype {arguments.dtype} is for --to hf; with --to {layout} weights are float32"
        )
    if arguments.language or arguments.license:
        raise UserError("--language and --license are for the model card of --to hf")


def _write(
    arguments: argparse.Namespace, model: Model, dest: Path, layout: str
) -> tuple[Written, _Checked]:
    from bert_jax.convert.known_facts import facts_of
    from bert_jax.convert.write import write_hugging_face, write_program, write_run

    params, bare = model.weights.read(), arguments.weights_only
    found: list[_Checked] = []

    def check(folder: Path) -> None:
        found.append(_check(arguments, model, params, folder, layout))

    if layout == "stablehlo":
        written, compared = write_program(model, params, dest, weights_only=bare)
        beside = "the program read again"
        return written, _Checked(None, compared.largest_difference, beside, compared.signature)
    if layout == "run":
        return write_run(model, params, dest, weights_only=bare, check=check), found[0]
    facts = facts_of(model, arguments.source)
    facts = facts._replace(
        languages=tuple(arguments.language) or facts.languages,
        license=arguments.license or facts.license,
    )
    written = write_hugging_face(
        model, params, dest, arguments.dtype, weights_only=bare, facts=facts, check=check
    )
    return written, found[0]


def _check(
    arguments: argparse.Namespace, model: Model, params: Any, folder: Path, layout: str
) -> _Checked:
    from bert_jax.convert.self_check import check_outputs, check_weights, transformers_is_there
    from bert_jax.convert.sentence_encoder import encoder_folder

    weights = check_weights(model, params, folder, arguments.dtype)
    theirs, why_not = folder, ""
    if layout == "run":
        if model.kind == "hugging_face":
            theirs = encoder_folder(model.path)
        else:
            why_not = "there is nothing of Hugging Face's to compare with"
        if arguments.new:
            why_not = "the new weights are not in what was read"
        elif arguments.hidden_act is not None:
            why_not = "what was read says another activation"
    if not why_not and not transformers_is_there():
        why_not = "transformers and PyTorch are not installed"
    if why_not:
        return _Checked(weights, None, why_not)
    outputs = check_outputs(model.config, model.head, weights.params, theirs)
    return _Checked(weights, outputs.largest, f"transformers {outputs.version}")


def _facts(model: Model, layout: str, written: Written, checked: _Checked) -> dict[str, Any]:
    from bert_jax.convert.layout import count_weights

    weights = checked.weights
    return {
        "source": str(model.path),
        "kind": model.kind,
        "step": model.step,
        "head": model.head.task,
        "pair_task": model.config.pair_task,
        "parameters": count_weights(model.config, model.head),
        "notes": list(model.weights.notes),
        "to": layout,
        "path": str(written.path),
        "files": written.files,
        "largest_weight_difference": None if weights is None else weights.largest,
        "largest_output_difference": checked.outputs,
        "compared_with": None if checked.outputs is None else checked.beside,
        **({} if checked.signature is None else {"program": checked.signature}),
    }


def _show(source: str, model: Model, written: Written, checked: _Checked) -> None:
    from bert_jax.convert.layout import count_weights
    from bert_jax.formatting import format_amount, format_count
    from bert_jax.head_config import TASKS
    from bert_jax.pair_tasks import PAIR_TASKS
    from bert_jax.terminal import Terminal
    from bert_jax.wrapping import wrap

    def say(text: str) -> None:
        print("\n".join(wrap(text, Terminal().width, hanging=" " * 9)))

    step = f", step {model.step:,}" if model.step is not None else ""
    head = TASKS[model.head.task]
    if model.config.pair_task != "none":
        head = f"masked LM and {PAIR_TASKS[model.config.pair_task].title}"
    elif model.head.task == "pretraining":
        head = "masked LM"
    say(f"read     {source}")
    say(f"         {_KINDS[model.kind]}{step}")
    count = format_count(count_weights(model.config, model.head))
    say(f"model    {count} weights; head: {head}")
    if model.tokenizer is None:
        say("         no tokeniser")
    for note in model.weights.notes:
        say(f"note     {note}")
    say(f"written  {written.path}")
    for name, size in written.files.items():
        print(f"         {format_amount(size, 'B'):>9}  {name}")
    for i, line in enumerate(_program_lines(checked.signature) if checked.signature else ()):
        say(f"{'program' if i == 0 else '':9}{line}")
    for i, line in enumerate(_checked_lines(checked)):
        say(f"{'checked' if i == 0 else '':9}{line}")


def _program_lines(signature: dict[str, Any]) -> Iterator[str]:
    yield "(weights, inputs) -> outputs, by their names; of any batch and length"
    for what in ("inputs", "outputs"):
        for i, (name, shape) in enumerate(signature[what].items()):
            yield f"{what if i == 0 else '':7}  {name}: {shape}"
    yield f"runs on  {', '.join(signature['platforms'])}"


def _checked_lines(checked: _Checked) -> Iterator[str]:
    from bert_jax.formatting import format_count

    weights = checked.weights
    if weights is not None:
        same = "equal, to the bit"
        if weights.largest:
            same = f"equal to rounding, {weights.largest:.1e} of the largest at most"
        yield f"read again: {format_count(weights.compared)} weights {same}"
    if checked.outputs is None:
        yield f"outputs not compared with transformers: {checked.beside}"
    else:
        yield f"outputs beside {checked.beside}: {checked.outputs:.1e} of the largest apart"

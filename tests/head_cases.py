"""Every head on every family of encoders, with inputs and labels: what is compared with others.

Arrays go in and come out under names that both sides know; `tests/peers/hugging_face.py` is the
other side.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from bert_jax import models
from bert_jax.config import BertConfig, ComputeConfig
from bert_jax.convert import names
from bert_jax.head_config import HeadConfig
from bert_jax.losses import pretraining_sums
from bert_jax.pair_tasks import PAIR_TASKS
from bert_jax.task_losses import (
    IGNORED,
    classification_loss,
    question_answering_loss,
    token_classification_loss,
)

# Unrolled and not jitted: as a whole, each case would take longer to compile than all of its parts,
# most of which cases of one size share.
EXACT = ComputeConfig(matmul_precision="highest", scan_layers=False)
CLASSES = ("a", "b", "c")
HEADS = {
    "pretraining": HeadConfig(),
    "masked_lm": HeadConfig(),
    "single_label": HeadConfig(task="sequence_classification", labels=CLASSES),
    "multi_label": HeadConfig(
        task="sequence_classification", labels=CLASSES, problem_type="multi_label_classification"
    ),
    "regression": HeadConfig(
        task="sequence_classification", labels=("a",), problem_type="regression"
    ),
    "token_classification": HeadConfig(task="token_classification", labels=CLASSES),
    "question_answering": HeadConfig(task="question_answering"),
    "multiple_choice": HeadConfig(task="multiple_choice"),
    "encoder": HeadConfig(task="encoder"),
}
FAMILIES = {
    "bert": names.BERT,
    "roberta": names.ROBERTA,
    "distilbert": names.DISTILBERT,
}
# What makes an encoder one of the family.
FIELDS: dict[str, dict[str, Any]] = {
    "bert": {},
    "roberta": {"position_offset": 2, "type_vocab_size": 1, "pair_task": "none"},
    "distilbert": {
        "type_vocab_size": 0,
        "pooler_act": "relu",
        "layer_norm_eps": 1e-12,
        "pair_task": "none",
    },
}
PADDING_ID = {"bert": 0, "roberta": 1, "distilbert": 0}
CASES = [(f, h) for f in FAMILIES for h in HEADS if f == "bert" or h != "pretraining"]


class Case(NamedTuple):
    """A head on an encoder.

    Attributes:
      family: of `FAMILIES`.
      name: of `HEADS`.
      config: of the encoder.
      head: of `HEADS`.
    """

    family: str
    name: str
    config: BertConfig
    head: HeadConfig

    @property
    def places(self) -> names.Family:
        """What its weights are called."""
        if self.family == "roberta" and self.head.task == "sequence_classification":
            return names.ROBERTA_CLASSIFIER
        return FAMILIES[self.family]


def make_case(family: str, name: str, **fields: Any) -> Case:
    """The case with these sizes; `max_position_embeddings` without the family's offset."""
    fields = fields | FIELDS[family]
    fields["max_position_embeddings"] += fields.get("position_offset", 0)
    if name != "pretraining":
        fields["pair_task"] = "none"
    head = HEADS[name]
    if name == "encoder" and family == "distilbert":
        head = HeadConfig(task="encoder", has_pooler=False)
    return Case(family, name, BertConfig(**fields), head)


def random_params(case: Case, rng: np.random.Generator, scale: float = 0.1) -> Any:
    """Weights of which none is 0 or 1, so that each of them matters; LayerNorm's are near 1."""

    def draw(path: Any, leaf: Any) -> np.ndarray:
        is_scale = jax.tree_util.keystr(path, simple=True).endswith("scale")
        return rng.normal(float(is_scale), scale, leaf.shape).astype(np.float32)

    return jax.tree_util.tree_map_with_path(draw, models.abstract_params(case.config, case.head))


def random_inputs(case: Case, rng: np.random.Generator, length: int) -> dict[str, np.ndarray]:
    """Four rows: full, padded on the right, padded on the left, with holes; of choices, 2 x 2."""
    shape = (4, length)
    mask = np.ones(shape, np.int32)
    mask[1, length - rng.integers(1, length // 2) :] = 0
    mask[2, : rng.integers(1, length // 2)] = 0
    mask[3, 1 + rng.permutation(length - 1)[: length // 3]] = 0
    ids = rng.integers(5, case.config.vocab_size, shape)
    # RoBERTa finds its positions by the id of padding; BERT's ids are free where the mask is 0.
    is_padding = (mask == 0) & ((case.family == "roberta") | (np.arange(4) < 3)[:, None])
    types = rng.integers(0, max(case.config.type_vocab_size, 1), shape)
    found = {
        "input_ids": np.where(is_padding, PADDING_ID[case.family], ids).astype(np.int32),
        "token_type_ids": types.astype(np.int32),
        "attention_mask": mask,
    }
    if case.name == "multiple_choice":
        return {name: array.reshape(2, 2, length) for name, array in found.items()}
    return found


def random_labels(
    case: Case, inputs: dict[str, np.ndarray], rng: np.random.Generator
) -> dict[str, np.ndarray]:
    """What the head is asked; of an encoder, what each of its outputs is multiplied by."""
    mask = inputs["attention_mask"]
    rows, length = mask.shape[0], mask.shape[-1]
    if case.name in ("pretraining", "masked_lm"):
        is_asked = (mask > 0) & (rng.random(mask.shape) < 0.4)
        is_asked[0, 1] = True
        ids = rng.integers(5, case.config.vocab_size, mask.shape)
        labels = {"labels": np.where(is_asked, ids, IGNORED)}
        if case.name == "pretraining":
            labels["next_sentence_label"] = rng.integers(0, 2, rows)
    elif case.name == "token_classification":
        is_asked = (mask > 0) & (rng.random(mask.shape) < 0.8)
        labels = {"labels": np.where(is_asked, rng.integers(0, 3, mask.shape), IGNORED)}
    elif case.name == "question_answering":
        # One answer is outside its row, which counts nothing.
        labels = {
            "start_positions": np.array([1, 2, length, 0]),
            "end_positions": np.array([2, 4, length, length]),
        }
    elif case.name == "encoder":
        weights = rng.normal(size=(*mask.shape, case.config.hidden_size)) * mask[..., None]
        labels = {"of_states": weights.astype(np.float32)}
        if case.head.has_pooler:
            pooled = rng.normal(size=(rows, case.config.hidden_size))
            labels["of_pooled"] = pooled.astype(np.float32)
        return labels
    elif case.name == "multi_label":
        return {"labels": rng.integers(0, 2, (rows, len(CLASSES))).astype(np.float32)}
    elif case.name == "regression":
        return {"labels": rng.normal(size=(rows, 1)).astype(np.float32)}
    else:
        labels = {"labels": rng.integers(0, 2, rows)}
    return {name: array.astype(np.int32) for name, array in labels.items()}


def outputs_and_loss(case: Case, compute: ComputeConfig, params: Any, inputs: Any) -> Any:
    """Ours: `(loss, outputs)`, outputs by name; of an encoder without labels the loss is 0.

    Args:
      case: which head.
      compute: how it is computed.
      params: its weights.
      inputs: of `random_inputs`, and of `random_labels`.
    """
    model = models.make_model(case.config, case.head, compute)
    arrays = [inputs[name] for name in ("input_ids", "token_type_ids", "attention_mask")]
    if case.head.task == "pretraining":
        shape = arrays[0].shape
        everywhere = jnp.broadcast_to(jnp.arange(shape[1])[None], shape)
        output: Any = model.apply({"params": params}, *arrays, everywhere)
        return _pretraining(case, compute, output, inputs)
    keep = case.name == "encoder"
    output = model.apply(
        {"params": params}, *arrays, output_hidden_states=keep, output_attentions=keep
    )
    if case.name == "encoder":
        return _encoder(output.encoder, inputs)
    logits = output.logits
    if case.name == "question_answering":
        positions = inputs["start_positions"], inputs["end_positions"]
        total, count = question_answering_loss(logits, *positions)
    elif case.name == "token_classification":
        total, count = token_classification_loss(logits, inputs["labels"])
    else:
        total, count = classification_loss(logits, inputs["labels"], case.head.problem_type)
    return total / count, {"logits": logits}


def _pretraining(case: Case, compute: ComputeConfig, output: Any, inputs: Any) -> Any:
    labels = inputs["labels"]
    batch = {
        "attention_mask": inputs["attention_mask"],
        "masked_lm_ids": jnp.where(labels == IGNORED, 0, labels),
        "masked_lm_weights": (labels != IGNORED).astype(jnp.float32),
    }
    if case.name == "pretraining":
        batch["next_sentence_labels"] = inputs["next_sentence_label"]
        batch["next_sentence_weights"] = jnp.ones(len(labels))
    pairs = PAIR_TASKS.get(case.config.pair_task)
    with jax.default_matmul_precision(compute.matmul_precision):
        sums = pretraining_sums(output, batch, pairs)
        logits = output.predictions.logits()[..., : case.config.vocab_size]
    losses = [total / count for name, (total, count) in sums.items() if name.endswith("_loss")]
    outputs = {"logits": logits}
    if case.name == "pretraining":
        outputs["pair_logits"] = output.next_sentence_logits
    return sum(losses), outputs


def _encoder(encoded: Any, inputs: Any) -> Any:
    outputs = {
        "states": encoded.sequence,
        "hidden_states": encoded.hidden_states,
        "attentions": encoded.attentions,
    }
    loss = jnp.sum(inputs["of_states"] * encoded.sequence)
    if encoded.pooled is not None:
        outputs["pooled"] = encoded.pooled
        loss += jnp.sum(inputs["of_pooled"] * encoded.pooled)
    return loss, outputs


def run(
    case: Case, params: Any, inputs: dict[str, np.ndarray], compute: ComputeConfig = EXACT
) -> tuple[float, dict[str, np.ndarray], Any]:
    """Loss, outputs, and the loss's gradient as a tree of our weights."""

    def loss_of(params: Any) -> Any:
        return outputs_and_loss(case, compute, params, inputs)

    (loss, outputs), gradients = jax.device_get(jax.value_and_grad(loss_of, has_aux=True)(params))
    return float(loss), outputs, gradients


def comparable(case: Case, gradients: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Gradients by their names elsewhere, 0 for the rows of padding.

    PyTorch's look-up never trains the row of padding. Ours does, as the original's did, where a
    loss reads what comes out at padding: that of question answering.
    """
    tables = ["embeddings.word_embeddings.weight"]
    if case.family == "roberta":
        tables.append("embeddings.position_embeddings.weight")
    found = dict(gradients)
    for name in found:
        if name.endswith(tuple(tables)):
            found[name] = np.array(found[name])
            found[name][PADDING_ID[case.family]] = 0
    return found


def gradient_floor(gradients: dict[str, np.ndarray]) -> float:
    """The smallest norm that a tensor's difference is divided by: 1/100 of that of all together.

    Some gradients are 0 but for rounding, such as those of the biases of the keys and of the last
    bias of multiple choice: no softmax changes when all of its scores do alike.
    """
    squares = [np.square(gradient, dtype=np.float64).sum() for gradient in gradients.values()]
    return 1e-2 * float(np.sqrt(sum(squares)))

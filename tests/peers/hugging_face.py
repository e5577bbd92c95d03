"""The models of transformers with our weights, and what they compute."""

import dataclasses
from typing import Any

import numpy as np
import torch
import transformers
from head_cases import Case
from transformers import (
    BertForMaskedLM,
    BertForMultipleChoice,
    BertForPreTraining,
    BertForQuestionAnswering,
    BertForSequenceClassification,
    BertForTokenClassification,
    BertModel,
    DistilBertForMaskedLM,
    DistilBertForMultipleChoice,
    DistilBertForQuestionAnswering,
    DistilBertForSequenceClassification,
    DistilBertForTokenClassification,
    DistilBertModel,
    RobertaForMaskedLM,
    RobertaForMultipleChoice,
    RobertaForQuestionAnswering,
    RobertaForSequenceClassification,
    RobertaForTokenClassification,
    RobertaModel,
)

from bert_jax.config import BertConfig
from bert_jax.convert.layout import Place, places, to_theirs

VERSIONS = f"transformers {transformers.__version__}, torch {torch.__version__.split('+')[0]}"
MODELS: dict[str, dict[str, Any]] = {
    "bert": {
        "masked_lm": BertForMaskedLM,
        "sequence_classification": BertForSequenceClassification,
        "token_classification": BertForTokenClassification,
        "question_answering": BertForQuestionAnswering,
        "multiple_choice": BertForMultipleChoice,
        "encoder": BertModel,
    },
    "roberta": {
        "masked_lm": RobertaForMaskedLM,
        "sequence_classification": RobertaForSequenceClassification,
        "token_classification": RobertaForTokenClassification,
        "question_answering": RobertaForQuestionAnswering,
        "multiple_choice": RobertaForMultipleChoice,
        "encoder": RobertaModel,
    },
    "distilbert": {
        "masked_lm": DistilBertForMaskedLM,
        "sequence_classification": DistilBertForSequenceClassification,
        "token_classification": DistilBertForTokenClassification,
        "question_answering": DistilBertForQuestionAnswering,
        "multiple_choice": DistilBertForMultipleChoice,
        "encoder": DistilBertModel,
    },
}
CONFIGS = {
    "bert": transformers.BertConfig,
    "roberta": transformers.RobertaConfig,
    "distilbert": transformers.DistilBertConfig,
}
# DistilBERT's names of what the others call as we do.
DISTILBERT_FIELDS = {
    "hidden_size": "dim",
    "num_hidden_layers": "n_layers",
    "num_attention_heads": "n_heads",
    "intermediate_size": "hidden_dim",
    "hidden_act": "activation",
    "vocab_size": "vocab_size",
    "max_position_embeddings": "max_position_embeddings",
}


def peer_config(config: BertConfig, family: str = "bert", **more: Any) -> Any:
    """Their config of an encoder; eager attention gives its probabilities."""
    fields = dataclasses.asdict(config)
    if family == "distilbert":
        fields = {theirs: fields[ours] for ours, theirs in DISTILBERT_FIELDS.items()}
    return CONFIGS[family](**fields, **more, attn_implementation="eager")


def make_peer(case: Case) -> Any:
    """Their model of a case with weights of its own, without dropout."""
    more: dict[str, Any] = {}
    if case.head.labels:
        more["num_labels"] = len(case.head.labels)
        more["problem_type"] = case.head.problem_type
    config = peer_config(case.config, case.family, **more)
    if case.name == "pretraining":
        return BertForPreTraining(config).eval()
    if case.name == "encoder" and case.family != "distilbert":
        return MODELS[case.family]["encoder"](config, add_pooling_layer=case.head.has_pooler).eval()
    name = "masked_lm" if case.name == "masked_lm" else case.head.task
    return MODELS[case.family][name](config).eval()


def peer_places(case: Case) -> dict[str, Place]:
    """Their model's name of every array -> where it belongs; an encoder alone has no prefix."""
    found = places(case.config, case.head, case.places)
    if case.name != "encoder":
        return found
    return {name.removeprefix(case.places.prefix): place for name, place in found.items()}


def load(model: Any, case: Case, state: dict[str, np.ndarray]) -> Any:
    """The model with these weights, none of which is missing or unknown to it."""
    tensors = {name: torch.from_numpy(np.array(value)) for name, value in state.items()}
    missing, unexpected = model.load_state_dict(tensors, strict=False)
    assert unexpected == []
    # The decoder is the word table and its bias the head's: one tensor under two names each.
    assert set(missing) <= set(case.places.tied)
    return model


def peer_model(case: Case, params: Any) -> Any:
    """Their model with our weights, without dropout."""
    return load(make_peer(case), case, to_theirs(peer_places(case), params))


def peer_inputs(case: Case, inputs: dict[str, np.ndarray]) -> dict[str, torch.Tensor]:
    """Integers as PyTorch's; DistilBERT takes no token types, and an encoder no labels."""
    unknown = ["token_type_ids"] if case.family == "distilbert" else []
    found = {}
    for name, array in inputs.items():
        if name not in unknown and not name.startswith("of_"):
            tensor = torch.from_numpy(np.asarray(array))
            found[name] = tensor if tensor.is_floating_point() else tensor.long()
    return found


def peer_outputs(case: Case, model: Any, inputs: dict[str, np.ndarray]) -> tuple[Any, Any]:
    """Their loss, a tensor, and their outputs under our names, tensors too."""
    more = {}
    if case.name == "encoder":
        more = {"output_hidden_states": True, "output_attentions": True}
    given = peer_inputs(case, inputs)
    if case.name in ("multi_label", "regression"):
        given["labels"] = given["labels"].to(model.dtype)
    found = model(**given, **more)
    if case.name == "pretraining":
        return found.loss, {
            "logits": found.prediction_logits,
            "pair_logits": found.seq_relationship_logits,
        }
    if case.name == "question_answering":
        return found.loss, {"logits": torch.stack([found.start_logits, found.end_logits], -1)}
    if case.name != "encoder":
        return found.loss, {"logits": found.logits}
    outputs = {
        "states": found.last_hidden_state,
        "hidden_states": torch.stack(found.hidden_states),
        "attentions": torch.stack(found.attentions),
    }
    loss = (torch.from_numpy(inputs["of_states"]) * found.last_hidden_state).sum()
    if case.head.has_pooler:
        outputs["pooled"] = found.pooler_output
        loss = loss + (torch.from_numpy(inputs["of_pooled"]) * found.pooler_output).sum()
    return loss, outputs


def run_peer(
    case: Case, model: Any, inputs: dict[str, np.ndarray]
) -> tuple[float, dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Their loss, outputs, and gradients by their names."""
    model.zero_grad()
    loss, outputs = peer_outputs(case, model, inputs)
    loss.backward()
    return (
        loss.item(),
        {name: value.detach().numpy() for name, value in outputs.items()},
        {name: value.grad.numpy() for name, value in model.named_parameters()},
    )

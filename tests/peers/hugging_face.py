"""Our weights as Hugging Face's `BertForPreTraining` holds them."""

import dataclasses

import numpy as np
import torch
from transformers import BertConfig as PeerConfig
from transformers import BertForPreTraining

from bert_jax.config import BertConfig


def peer_config(config: BertConfig) -> PeerConfig:
    return PeerConfig(**dataclasses.asdict(config), attn_implementation="eager")


def peer_model(config: BertConfig, params) -> BertForPreTraining:
    """A PyTorch model with these weights, without dropout."""
    model = BertForPreTraining(peer_config(config)).eval()
    state = {name: torch.from_numpy(value) for name, value in to_peer(config, params).items()}
    missing, unexpected = model.load_state_dict(state, strict=False)
    assert unexpected == []
    # The decoder is the word table and its bias the head's: one tensor under two names each.
    assert set(missing) <= {"cls.predictions.decoder.weight", "cls.predictions.decoder.bias"}
    return model


def peer_gradients(model: BertForPreTraining) -> dict[str, np.ndarray]:
    return {name: value.grad.numpy() for name, value in model.named_parameters()}


def to_peer(config: BertConfig, tree) -> dict[str, np.ndarray]:
    """A tree of weights (or of their gradients) under PyTorch's names and in its shapes.

    PyTorch keeps a product's matrix as [out, in]; ours is [in, ...] -> [..., out], with the heads
    as an axis of their own and the layers stacked in front.
    """
    hidden = config.hidden_size
    embeddings, layers = tree["bert"]["embeddings"], tree["bert"]["encoder"]["layers"]
    predictions = tree["cls"]["predictions"]
    found = {
        f"bert.embeddings.{name}.weight": embeddings[name]
        for name in ("token_type_embeddings", "position_embeddings")
    }
    found["bert.embeddings.word_embeddings.weight"] = embeddings["word_embeddings"][
        : config.vocab_size
    ]
    found |= _norm("bert.embeddings.LayerNorm", embeddings["layer_norm"])
    for i in range(config.num_hidden_layers):
        to, attention = f"bert.encoder.layer.{i}", layers["attention"]
        for name in ("query", "key", "value"):
            kernel = attention[name]["kernel"][i].reshape(hidden, hidden)
            found[f"{to}.attention.self.{name}.weight"] = kernel.T
            found[f"{to}.attention.self.{name}.bias"] = attention[name]["bias"][i].reshape(hidden)
        kernel = attention["output"]["kernel"][i].reshape(hidden, hidden)
        found[f"{to}.attention.output.dense.weight"] = kernel.T
        found[f"{to}.attention.output.dense.bias"] = attention["output"]["bias"][i]
        found |= _norm(f"{to}.attention.output.LayerNorm", attention["layer_norm"], i)
        for name in ("intermediate", "output"):
            found[f"{to}.{name}.dense.weight"] = layers[name]["kernel"][i].T
            found[f"{to}.{name}.dense.bias"] = layers[name]["bias"][i]
        found |= _norm(f"{to}.output.LayerNorm", layers["layer_norm"], i)
    found |= _dense("bert.pooler.dense", tree["bert"]["pooler"])
    found |= _dense("cls.predictions.transform.dense", predictions["transform"])
    found |= _norm("cls.predictions.transform.LayerNorm", predictions["layer_norm"])
    found["cls.predictions.bias"] = predictions["bias"][: config.vocab_size]
    found |= _dense("cls.seq_relationship", tree["cls"]["seq_relationship"])
    return {name: np.array(value) for name, value in found.items()}


def _dense(name, weights):
    return {f"{name}.weight": weights["kernel"].T, f"{name}.bias": weights["bias"]}


def _norm(name, weights, layer=...):
    return {f"{name}.weight": weights["scale"][layer], f"{name}.bias": weights["bias"][layer]}

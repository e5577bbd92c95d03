"""BERT in plain numpy and float64, one layer and one head after the other, written from the paper.

It shares nothing with the implementation under test but the names of the weights.
"""

import numpy as np
from scipy.special import erf


def gelu(x, kind):
    if kind == "gelu":
        return x * 0.5 * (1 + erf(x / np.sqrt(2)))
    return x * 0.5 * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))


def layer_norm(w, x, eps):
    mean = x.mean(-1, keepdims=True)
    variance = ((x - mean) ** 2).mean(-1, keepdims=True)
    return (x - mean) / np.sqrt(variance + eps) * w["scale"] + w["bias"]


def softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def layer_of(stacked, i):
    return {
        name: layer_of(value, i) if isinstance(value, dict) else np.asarray(value[i], np.float64)
        for name, value in stacked.items()
    }


def encoder(params, config, input_ids, token_type_ids, attention_mask):
    """The last layer [B, L, E] and the attention of every layer [N, B, H, L, L]."""
    p = params["embeddings"]
    x = p["word_embeddings"][input_ids].astype(np.float64)
    x = x + p["token_type_embeddings"][token_type_ids]
    x = x + p["position_embeddings"][: input_ids.shape[1]]
    x = layer_norm(p["layer_norm"], x, config.layer_norm_eps)
    attentions = []
    for i in range(config.num_hidden_layers):
        w = layer_of(params["encoder"]["layers"], i)
        a = w["attention"]
        contexts, maps = [], []
        for h in range(config.num_attention_heads):
            q, k, v = (
                x @ a[n]["kernel"][:, h] + a[n]["bias"][h] for n in ("query", "key", "value")
            )
            scores = q @ k.swapaxes(1, 2) / np.sqrt(config.head_size)
            scores = scores + np.where(attention_mask[:, None, :] > 0, 0, -np.inf)
            maps.append(softmax(scores))
            contexts.append(maps[-1] @ v)
        attentions.append(np.stack(maps, axis=1))
        out = (
            sum(c @ a["output"]["kernel"][h] for h, c in enumerate(contexts)) + a["output"]["bias"]
        )
        x = layer_norm(a["layer_norm"], x + out, config.layer_norm_eps)
        wide = gelu(x @ w["intermediate"]["kernel"] + w["intermediate"]["bias"], config.hidden_act)
        narrow = wide @ w["output"]["kernel"] + w["output"]["bias"]
        x = layer_norm(w["layer_norm"], x + narrow, config.layer_norm_eps)
    return x, np.stack(attentions)


def pretraining(params, config, batch):
    """Logits of both tasks: [B, P, vocabulary] and [B, 2]."""
    x, _ = encoder(
        params["bert"],
        config,
        batch["input_ids"],
        batch["token_type_ids"],
        batch["attention_mask"],
    )
    pooler = params["bert"]["pooler"]
    pooled = np.tanh(x[:, 0] @ pooler["kernel"] + pooler["bias"])
    heads = params["cls"]
    w = heads["predictions"]
    rows = np.arange(len(x))[:, None]
    y = x[rows, batch["masked_lm_positions"]]
    y = gelu(y @ w["transform"]["kernel"] + w["transform"]["bias"], config.hidden_act)
    y = layer_norm(w["layer_norm"], y, config.layer_norm_eps)
    table = params["bert"]["embeddings"]["word_embeddings"]
    logits = (y @ table.T.astype(np.float64) + w["bias"])[..., : config.vocab_size]
    nsp = heads["seq_relationship"]
    return logits, pooled @ nsp["kernel"] + nsp["bias"]


def nll(logits, labels):
    """Negative log-likelihood of each label."""
    return -np.log(np.take_along_axis(softmax(logits), labels[..., None], -1))[..., 0]

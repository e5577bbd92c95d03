"""Computed in bfloat16, our heads are about as near to float32 as PyTorch's.

Compared is the mean absolute deviation of a head's outputs (logits; of an encoder its last hidden
states) from the same model's in float32, over all rows but padding and several draws of weights:
ours by `ComputeConfig(dtype="bfloat16")`, whose weights, LayerNorms, softmax and losses stay
float32, theirs by `model.to(torch.bfloat16)`.
"""

import jax
import numpy as np
import pytest
import torch
from exactness import hold
from head_cases import (
    CASES,
    make_case,
    outputs_and_loss,
    random_inputs,
    random_labels,
    random_params,
)
from hugging_face import VERSIONS, peer_model, peer_outputs

from bert_jax.config import ComputeConfig

SIZES = {
    "vocab_size": 60,
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 64,
    "max_position_embeddings": 16,
}
SEEDS = 8


def values(case, outputs, mask):
    """What is compared; rows of tokens without what comes out at padding."""
    found = []
    for name in ("logits", "pair_logits", "states"):
        if name in outputs:
            array = np.asarray(outputs[name], np.float32)
            is_of_tokens = array.shape[:2] == mask.shape
            found.append((array[mask > 0] if is_of_tokens else array).ravel())
    return np.concatenate(found)


def forward(case, dtype):
    compute = ComputeConfig(dtype=dtype)
    return jax.jit(lambda params, inputs: outputs_and_loss(case, compute, params, inputs)[1])


@pytest.mark.parametrize(("family", "name"), CASES)
def test_bfloat16_is_as_near_to_float32_as_pytorchs(family, name):
    case = make_case(family, name, **SIZES)
    computed = {dtype: forward(case, dtype) for dtype in ("float32", "bfloat16")}
    ours, theirs = [], []
    for seed in range(SEEDS):
        rng = np.random.default_rng(seed)
        params = random_params(case, rng)
        inputs = random_inputs(case, rng, SIZES["max_position_embeddings"])
        inputs |= random_labels(case, inputs, rng)
        mask = inputs["attention_mask"]
        exact, near = (
            values(case, computed[dtype](params, inputs), mask) for dtype in ("float32", "bfloat16")
        )
        ours.append(np.abs(near - exact).mean())
        model = peer_model(case, params)
        with torch.no_grad():
            plain = peer_outputs(case, model, inputs)[1]
            rounded = peer_outputs(case, model.to(torch.bfloat16), inputs)[1]
        plain, rounded = (
            values(case, {key: value.float().numpy() for key, value in found.items()}, mask)
            for found in (plain, rounded)
        )
        theirs.append(np.abs(rounded - plain).mean())
    assert np.mean(theirs) > 0
    hold(f"bfloat16_{family}_ratio", np.mean(ours) / np.mean(theirs), VERSIONS, name)

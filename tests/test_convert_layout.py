"""Ours -> theirs -> ours, for every family of names and every head that it has."""

import jax
import numpy as np
import pytest
from models import small_config
from test_task_heads import HEADS, random_params

from bert_jax.convert import names
from bert_jax.convert.layout import flat_shapes, flatten, places, to_ours, to_theirs
from bert_jax.head_config import HeadConfig

FAMILIES = {
    "bert": (names.BERT, {}),
    "roberta": (names.ROBERTA, {"position_offset": 2, "type_vocab_size": 1, "pair_task": "none"}),
    "roberta_classifier": (names.ROBERTA_CLASSIFIER, {"position_offset": 2, "pair_task": "none"}),
    "distilbert": (names.DISTILBERT, {"type_vocab_size": 0, "pair_task": "none"}),
    "google": (names.GOOGLE, {}),
}


@pytest.mark.parametrize("head", [HeadConfig(), *HEADS.values()], ids=lambda head: head.task)
@pytest.mark.parametrize("family", FAMILIES)
def test_there_and_back_every_weight_is_the_same(family, head):
    theirs, fields = FAMILIES[family]
    config = small_config(**fields)
    placed = places(config, head, theirs)
    params = random_params(config, head)
    there = to_theirs(placed, params)
    assert {name: array.shape for name, array in there.items()} == {
        name: place.shape for name, place in placed.items()
    }
    back = flatten(to_ours(placed, there.__getitem__))
    assert {name: leaf.shape for name, leaf in back.items()} == flat_shapes(config, head)
    for name, leaf in flatten(params).items():
        rows = config.vocab_size if name.endswith(("word_embeddings", "predictions/bias")) else None
        np.testing.assert_array_equal(back[name][:rows], leaf[:rows])
        assert not back[name][rows:].any() if rows else True


def test_no_two_weights_share_a_name():
    for family, _ in FAMILIES.values():
        for parts in (name[:1] for name in family.names), (name[1:2] for name in family.names):
            listed = list(parts)
            assert len(set(listed)) == len(listed)


def test_a_matrix_lies_in_pytorch_with_its_outputs_first_and_heads_side_by_side():
    config = small_config()
    placed = places(config, HeadConfig(), names.BERT)
    params = random_params(config, HeadConfig())
    query = params["bert"]["encoder"]["layers"]["attention"]["query"]["kernel"]
    found = to_theirs(placed, params)["bert.encoder.layer.1.attention.self.query.weight"]
    for head in range(4):
        np.testing.assert_array_equal(found[4 * head : 4 * head + 4], query[1][:, head].T)
    output = params["bert"]["encoder"]["layers"]["attention"]["output"]["kernel"]
    found = to_theirs(placed, params)["bert.encoder.layer.0.attention.output.dense.weight"]
    np.testing.assert_array_equal(found[:, 4:8], output[0][1].T)
    assert jax.tree.leaves(params)[0].dtype == np.float32

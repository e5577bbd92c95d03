import numpy as np
import pytest
from models import random_params, small_config

from bert_jax.errors import UserError
from bert_jax.inference.fill_mask import FillMask


class Words:
    """A tokeniser whose tokens are the words `w5`, `w6`, ..."""

    pad_id, cls_id, sep_id, mask_id = 0, 1, 2, 3

    def encode_with_masks(self, text):
        return [3 if word == "[MASK]" else int(word[1:]) for word in text.split()]

    def readable_token(self, i):
        return f"w{i}"


@pytest.fixture(scope="module")
def model():
    config = small_config(max_position_embeddings=64)
    return FillMask(config, random_params(config), Words())


def test_every_mask_gets_its_tokens_in_order_of_probability(model):
    [found] = model.fill_mask("w5 [MASK] w7 [MASK]", top_k=4)
    assert found.text == "w5 [MASK] w7 [MASK]"
    assert len(found.masks) == 2
    for mask in found.masks:
        probabilities = [candidate.probability for candidate in mask]
        assert len(mask) == 4
        assert probabilities == sorted(probabilities, reverse=True)
        assert all(0 < p < 1 for p in probabilities)
    assert found.masks[0] != found.masks[1]
    assert all(candidate.token == f"w{candidate.id}" for candidate in found.masks[0])


def test_probabilities_over_the_whole_vocabulary_sum_to_one(model):
    [found] = model.fill_mask("w5 [MASK]", top_k=130)
    assert sum(c.probability for c in found.masks[0]) == pytest.approx(1, abs=1e-5)
    assert len({c.token for c in found.masks[0]}) == 130


def test_a_text_is_filled_alike_alone_and_among_others(model):
    rng = np.random.default_rng(0)
    texts = [
        " ".join(["[MASK]", *(f"w{i}" for i in rng.integers(5, 130, n))])
        for n in rng.integers(1, 60, 70)
    ]
    together = model.fill_mask(texts, top_k=2)
    assert [filled.text for filled in together] == texts
    for i in (0, 33, 69):
        [alone] = model.fill_mask(texts[i], top_k=2)
        assert alone.masks[0][0].token == together[i].masks[0][0].token
        assert alone.masks[0][0].probability == pytest.approx(
            together[i].masks[0][0].probability, abs=1e-6
        )


@pytest.mark.parametrize(
    ("text", "top_k", "message"),
    [
        ("w5 w6", 5, r"has no \[MASK\]"),
        ("", 5, r"has no \[MASK\]"),
        ("w5 [MASK]", 0, "top_k is 0"),
        ("w5 [MASK]", 131, "size of the vocabulary, 130"),
        ("[MASK] " + "w5 " * 80, 5, "83 tokens .* 64 positions"),
    ],
)
def test_what_cannot_be_filled_is_an_error_that_says_what_to_do(model, text, top_k, message):
    with pytest.raises(UserError, match=message):
        model.fill_mask(text, top_k=top_k)


def test_a_filled_text_is_one_line_and_one_json_object(model):
    [found] = model.fill_mask("w5 [MASK]", top_k=2)
    assert found.to_line().startswith("w5 [MASK]  ->  w")
    assert set(found.to_dict()["masks"][0][0]) == {"token", "probability", "id"}

"""What a file's tensors are called: old names, no prefix, two names of one, no weights at all."""

import numpy as np
import pytest

from bert_jax.convert.canonical import canonical_names, check_tied, describe_left
from bert_jax.convert.names import BERT, DISTILBERT, GOOGLE, ROBERTA
from bert_jax.errors import UserError

WORDS = "bert.embeddings.word_embeddings.weight"


def test_old_names_of_norms_are_new_ones():
    found = canonical_names(["bert.embeddings.LayerNorm.gamma", "bert.x.LayerNorm.beta"], BERT)
    assert found.original == {
        "bert.embeddings.LayerNorm.weight": "bert.embeddings.LayerNorm.gamma",
        "bert.x.LayerNorm.bias": "bert.x.LayerNorm.beta",
    }


@pytest.mark.parametrize("family", [BERT, ROBERTA, DISTILBERT])
def test_an_encoder_alone_may_do_without_its_prefix(family):
    names = ["embeddings.word_embeddings.weight", "encoder.layer.0.x", "classifier.weight"]
    found = canonical_names(names, family)
    assert set(found.original) == {
        f"{family.prefix}embeddings.word_embeddings.weight",
        f"{family.prefix}encoder.layer.0.x",
        "classifier.weight",
    }
    assert set(canonical_names([f"{family.prefix}a", "encoder.b"], family).original) == {
        f"{family.prefix}a",
        "encoder.b",
    }


def test_the_second_name_of_a_weight_is_left_and_stands_in_for_the_first():
    both = canonical_names([WORDS, "cls.predictions.decoder.weight"], BERT)
    assert both.original == {WORDS: WORDS}
    assert both.tied == {WORDS: "cls.predictions.decoder.weight"}
    one = canonical_names(["cls.predictions.decoder.weight"], BERT)
    assert one.original == {WORDS: "cls.predictions.decoder.weight"}
    assert one.tied == {}


def test_what_repeats_a_weight_must_be_equal_to_it():
    names = canonical_names([WORDS, "cls.predictions.decoder.weight"], BERT)
    arrays = {WORDS: np.arange(3.0), "cls.predictions.decoder.weight": np.arange(3.0)}
    check_tied(names, arrays.__getitem__)
    for other in (np.arange(3.0) + 1, np.arange(4.0)):
        arrays["cls.predictions.decoder.weight"] = other
        with pytest.raises(UserError, match="is not equal to"):
            check_tied(names, arrays.__getitem__)


def test_two_old_names_of_one_weight_are_an_error():
    with pytest.raises(UserError, match="two names of one weight"):
        canonical_names(["bert.LayerNorm.gamma", "bert.LayerNorm.weight"], BERT)


def test_buffers_slots_and_counters_are_no_weights():
    found = canonical_names([WORDS, "bert.embeddings.position_ids"], BERT)
    assert describe_left(found.left) == ["1 buffer that is no weight: bert.embeddings.position_ids"]
    names = ["bert/a", "bert/a/adam_m", "bert/a/adam_v", "bert/a/lamb_m", "global_step"]
    found = canonical_names(names, GOOGLE)
    assert found.original == {"bert/a": "bert/a"}
    assert [len(names) for names in found.left.values()] == [3, 1]


def test_names_that_a_terminal_would_obey_are_shown_harmless():
    found = canonical_names(["bert.\x1b[2J.position_ids"], BERT)
    assert "\x1b" not in "".join(describe_left(found.left))

"""From texts to rows: what is too long is said in the words of the tokeniser and the caller."""

import pytest
from models import small_config
from test_tokenization_byte_level_tokenizer import PEERS, write

from bert_jax.inference.inputs import BadText, encode, naming
from data_pipeline.tokenization.tokenizer import load_tokenizer


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (None, "has 82 tokens with <s> and </s>; the model has 32 positions: give a shorter one"),
        (["b"], "of 80 tokens and 'b' of 1 token have 85 tokens together with <s> and </s>; the"),
    ],
)
def test_what_is_too_long_is_counted_with_the_special_tokens_that_the_tokenizer_has(
    seconds, said, tmp_path
):
    tokenizer = load_tokenizer(write(tmp_path, PEERS["roberta"]))
    with pytest.raises(BadText) as error:
        encode(tokenizer, small_config(), ["a " * 40], seconds)
    assert said in error.value.message


@pytest.mark.parametrize(
    ("given", "can_cut", "said"),
    [
        (["a"], True, "texts[3]: too long, or truncate=True"),
        (["a"], False, "texts[3]: too long"),
        ("a", True, "too long, or truncate=True"),
    ],
)
def test_an_input_is_named_by_its_argument_and_the_remedy_as_it_is_written(given, can_cut, said):
    with pytest.raises(BadText) as error, naming("texts", given):
        raise BadText(3, "too long", can_cut=can_cut)
    assert (str(error.value), error.value.index) == (said, 3)
    assert error.value.for_command() == ("too long, or --truncate" if can_cut else "too long")

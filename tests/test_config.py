import dataclasses

import pytest

from bert_jax.config import (
    BertConfig,
    ComputeConfig,
    MeshConfig,
    OptimizerConfig,
    TrainConfig,
)
from bert_jax.errors import UserError
from bert_jax.field_checks import check_types


@pytest.mark.parametrize(
    ("kind", "fields", "message"),
    [
        (BertConfig, {"hidden_size": 100}, "multiple of num_attention_heads"),
        (BertConfig, {"hidden_act": "gleu"}, "did you mean 'gelu'"),
        (BertConfig, {"hidden_dropout_prob": 1.0}, "below 1"),
        (BertConfig, {"vocab_size": 0}, "at least 1"),
        (BertConfig, {"pair_task": "nsp"}, "'next_sentence', 'sentence_order', 'none'"),
        (BertConfig, {"layer_norm_eps": float("nan")}, "above 0"),
        (ComputeConfig, {"dtype": "bf16"}, "'bfloat16'"),
        (ComputeConfig, {"scan_layers": 1}, "must be of type bool"),
        (MeshConfig, {"data": -1, "fsdp": -1}, "at most one of them -1"),
        (MeshConfig, {"tensor": 0}, "at least 1"),
        (OptimizerConfig, {"preset": "adam"}, "did you mean 'adamw'"),
        (TrainConfig, {"num_steps": "100"}, "must be of type int"),
        (TrainConfig, {"num_steps": True}, "must be of type int"),
        (TrainConfig, {"learning_rate": 0.0}, "above 0"),
        (TrainConfig, {"batch_size": 6, "micro_batches": 4}, "multiple of"),
        (TrainConfig, {"seed": -1}, "at least 0"),
    ],
    ids=str,
)
def test_a_wrong_value_is_an_error_that_names_the_field_and_what_it_must_be(kind, fields, message):
    with pytest.raises(UserError, match=message):
        kind(**fields)


@pytest.mark.parametrize("value", ["x\n" * 10**5, [[]] * 10**5, 10**4000, -(10**4000)])
@pytest.mark.parametrize("field", ["hidden_act", "vocab_size", "layer_norm_eps"])
def test_a_wrong_value_of_any_length_is_one_short_line(field, value):
    with pytest.raises(UserError) as caught:
        BertConfig(**{field: value}, num_attention_heads=7)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 300


def test_a_whole_number_is_taken_for_a_float_field_and_stored_as_one():
    config = OptimizerConfig(max_grad_norm=1)
    assert type(config.max_grad_norm) is float


@dataclasses.dataclass(frozen=True)
class Tuples:
    words: tuple[str, ...] = ()
    shares: tuple[float, ...] = ()

    def __post_init__(self):
        check_types(self)


def test_a_field_of_several_values_takes_a_list_and_stores_a_tuple():
    found = Tuples(["a", "b"], [1, 0.5])
    assert (found.words, found.shares) == (("a", "b"), (1.0, 0.5))
    assert [type(share) for share in found.shares] == [float, float]
    # A lone value is one of several.
    assert Tuples("ab", 3) == Tuples(("ab",), (3.0,))
    assert type(Tuples((), 3).shares[0]) is float
    for words in ((1,), 1, None):
        with pytest.raises(UserError, match=r"must be a tuple of str$"):
            Tuples(words)
    for shares in ((True,), True, "1"):
        with pytest.raises(UserError, match=r"must be a tuple of float$"):
            Tuples((), shares)


def test_the_released_sizes_have_the_released_shapes():
    base, large = BertConfig.base(), BertConfig.large()
    assert (base.num_hidden_layers, base.hidden_size, base.intermediate_size) == (12, 768, 3072)
    assert (large.num_hidden_layers, large.num_attention_heads, large.head_size) == (24, 16, 64)
    sizes = (BertConfig.tiny(), BertConfig.mini(), BertConfig.small(), BertConfig.medium())
    assert [size.head_size for size in sizes] == [64] * 4


def test_configs_cannot_be_changed_after_they_were_checked():
    with pytest.raises(dataclasses.FrozenInstanceError):
        TrainConfig().seed = 1

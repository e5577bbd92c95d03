"""A model's tensors in a terminal."""

import pytest

from bert_jax.recipes.show_tensors import _heading, _number, show_tensors


def tensor(name: str, **more):
    facts = {"shape": [768, 3072], "dtype": "float32", "mean": -1.2e-5, "std": 0.04213}
    return {
        "name": name,
        **facts,
        "largest": 12.34,
        "constant": False,
        "nan": 0,
        "infinite": 0,
        **more,
    }


def test_the_longest_names_fit_into_80_columns_in_the_order_of_the_layers():
    layer = "bert.encoder.layer.{}.attention.output.LayerNorm.weight"
    names = [layer.format(i) for i in (10, 2, 1)] + ["output_weights"]
    shown = show_tensors([tensor(name, shape=[30522, 1024]) for name in names], 80)
    lines = shown.splitlines()
    assert max(map(len, lines)) <= 80
    assert "…" not in shown
    headings = [line for line in lines if line.endswith(".")]
    assert headings == [f"bert.encoder.layer.{i}." for i in (1, 2, 10)]
    assert "  attention.output.LayerNorm.weight  f32[30522,1024]  -1.2e-5  0.0421     12.3" in lines
    assert any(line.startswith("output_weights ") for line in lines)
    assert lines[-1] == "no NaN, nothing infinite, and no tensor of equal numbers"


def test_a_name_that_is_too_long_loses_its_middle_and_no_number():
    name = "bert/encoder/layer_11/attention/output/LayerNorm/gamma"
    tensors = [tensor(f"{name}{end}", shape=[30522, 768]) for end in ("", "/adam_m", "/adam_v")]
    lines = show_tensors(tensors, 80).splitlines()
    assert max(map(len, lines)) == 80
    assert all(line.endswith(" 12.3") for line in lines if "f32" in line)
    assert sum("/LayerNorm/gamma/adam_m  f32" in line for line in lines) == 1


def test_what_is_of_no_numbers_has_none():
    shown = show_tensors([{"name": "a", "shape": [2], "dtype": None}], 80)
    assert "a     ?[2]" in shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, ""),
        (0.0, "0"),
        (1.0, "1"),
        (-0.0123, "-0.0123"),
        (0.00995, "0.00995"),
        (-1.23e-10, "-1.2e-10"),
        (999.9, "1000"),
        (-12345.6, "-12346"),
        (1.26e6, "1.3e6"),
    ],
)
def test_numbers_are_short(value, shown):
    assert _number(value) == shown


@pytest.mark.parametrize(
    ("name", "heading"),
    [
        ("encoder.layer.3.output.dense.bias", "encoder.layer.3."),
        ("distilbert.transformer.layer.0.ffn.lin1.bias", "distilbert.transformer.layer.0."),
        ("bert/encoder/layer_11/output/dense/bias", "bert/encoder/layer_11/"),
        ("bert/encoder/layers[3]/output/kernel", "bert/encoder/layers[3]/"),
        ("bert.embeddings.LayerNorm.weight", "bert.embeddings."),
        ("embeddings.LayerNorm.weight", "embeddings."),
        ("cls/predictions/output_bias", "cls/predictions/"),
        ("cls.seq_relationship.weight", "cls."),
        ("output_bias", ""),
    ],
)
def test_what_names_have_in_common_stands_above_them(name, heading):
    assert _heading(name) == heading

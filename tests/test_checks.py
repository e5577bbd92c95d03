"""Bindings that mean nothing are errors with a place and the nearest right name."""

from pathlib import Path

import pytest

from bert_jax.errors import UserError
from bert_jax.recipes import bindings as gin_bindings
from bert_jax.recipes.experiment import load_experiment


def error_of(path: Path, text: str, *bindings: str) -> str:
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UserError) as caught:
        load_experiment(str(path), bindings, data_required=False)
    message = str(caught.value)
    assert "\n" not in message
    return message


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("TrianConfig.num_steps = 1", "no class TrianConfig to set num_steps of; did you mean Tra"),
        ("trainconfig.seed = 1", "did you mean TrainConfig.seed?"),
        ("bert_jax.config.TrainConfig.seed = 1", "did you mean TrainConfig.seed?"),
        ("Nothing.preset = 1", "did you mean OptimizerConfig.preset?"),
        ("TrainConfig.num_step = 1", "no field num_step; did you mean TrainConfig.num_steps?"),
        ("TrainConfig.preset = 'paper'", "did you mean OptimizerConfig.preset?"),
        ("MeshConfig.qqq = 1", "it has data, fsdp, tensor"),
        (
            "BertConfig.pair_task = 'none'",
            "cannot be set: it is that of PretrainingObjective.pairs",
        ),
        ("BertConfig.vocab_size = 5", "cannot be set: it is the size of the token store's"),
        ("eval/TrainConfig.seed = 1", "nothing uses eval/TrainConfig.seed"),
        ("STEPS = 1", "nothing uses STEPS"),
        ("num_steps = 1", "did you mean TrainConfig.num_steps?"),
        ("TrainConfig.seed = %SEED", "%SEED has no value; write SEED = VALUE"),
        ("TrainConfig.num_steps = '100'", "is '100', it must be of type int"),
        ("TrainConfig.num_steps = 1.5", "it must be of type int"),
        ("TrainConfig.num_steps = True", "it must be of type int"),
        ("TrainConfig.num_steps = None", "it must be of type int"),
        ("TrainConfig.num_steps = 0", "it must be at least 1"),
        ("TrainConfig.num_steps = [1]", "it must be of type int"),
        ("OptimizerConfig.preset = 'adamv'", "did you mean 'adamw'?"),
        ("OptimizerConfig.b1 = 1.0", "below 1"),
        ("PretrainingObjective.max_length = 'long'", "max_length"),
        ("PretrainingObjective.masked_lm_prob = 1.5", "masked_lm_prob"),
        ("PretrainingObjective.masked_lm_prob = True", "masked_lm_prob"),
        ("PretrainingObjective.max_length = 1024", "BertConfig.max_position_embeddings (512)"),
        ("BertConfig.num_attention_heads = 7", "must be a multiple of"),
        ("MeshConfig.data = 0", "at least 1"),
        ("DataConfig.corpus = 'documentatoin'", "did you mean 'documentation'?"),
        ("DataConfig.store = ''", "path of a token store"),
    ],
)
def test_a_wrong_binding_is_an_error_with_file_and_line(
    tmp_path: Path, statement: str, words: str
) -> None:
    message = error_of(tmp_path / "bad.gin", f"# first\n\n{statement}\n")
    assert f"bad.gin:3: {words}" in message or ("bad.gin:3: " in message and words in message)


def test_a_wrong_binding_in_an_included_file_names_that_file(tmp_path: Path) -> None:
    (tmp_path / "part.gin").write_text("\nTrainConfig.num_steps = -1\n")
    message = error_of(tmp_path / "whole.gin", "include 'part.gin'\n")
    assert "part.gin:2: TrainConfig.num_steps is -1" in message


def test_a_wrong_binding_on_the_command_line_names_the_flag_as_typed(tmp_path: Path) -> None:
    message = error_of(tmp_path / "a.gin", "", "TrainConfig.num-step=1")
    assert message.startswith("--gin.TrainConfig.num-step=1: TrainConfig has no field num_step")


def test_an_overridden_binding_with_a_wrong_name_is_still_an_error(tmp_path: Path) -> None:
    text = "TrainConfig.num_step = 1\n"
    assert "a.gin:1: " in error_of(tmp_path / "a.gin", text, "TrainConfig.num_steps=2")


def test_an_overridden_value_out_of_range_is_no_error(tmp_path: Path) -> None:
    path = tmp_path / "a.gin"
    path.write_text("TrainConfig.num_steps = -1\n")
    built = load_experiment(str(path), ["TrainConfig.num_steps=2"], data_required=False)
    assert built.train.num_steps == 2


def test_a_mistyped_macro_is_told_from_the_one_that_was_meant(tmp_path: Path) -> None:
    message = error_of(tmp_path / "a.gin", "STEPS = 3\nTrainConfig.num_steps = %STEP\n")
    assert "a.gin:2: %STEP has no value; did you mean %STEPS?" in message
    message = error_of(
        tmp_path / "b.gin", "STEPS = 3\nSTEPZ = 4\n\nTrainConfig.num_steps = %STEPS\n"
    )
    assert "b.gin:2: nothing uses STEPZ; did you mean STEPS?" in message


def test_macros_may_need_each_other_but_not_themselves(tmp_path: Path) -> None:
    path = tmp_path / "a.gin"
    path.write_text("TrainConfig.num_steps = %A\nA = %B\nB = 7\n")
    assert load_experiment(str(path), data_required=False).train.num_steps == 7
    text = "TrainConfig.num_steps = %A\nA = %B\nB = %A\n"
    assert "a.gin:2: the value of %A needs %A itself" in error_of(path, text)


def test_a_macro_that_only_an_overridden_binding_uses_is_used(tmp_path: Path) -> None:
    path = tmp_path / "a.gin"
    path.write_text("STEPS = 3\nTrainConfig.num_steps = %STEPS\n")
    built = load_experiment(str(path), ["TrainConfig.num_steps=2"], data_required=False)
    assert built.train.num_steps == 2
    assert load_experiment(str(path), ["STEPS=5"], data_required=False).train.num_steps == 5


def test_a_bad_value_behind_a_macro_names_both_places(tmp_path: Path) -> None:
    message = error_of(tmp_path / "a.gin", "S = 'x'\nTrainConfig.num_steps = %S\n")
    assert "a.gin:2: TrainConfig.num_steps is 'x'" in message
    assert message.endswith("a.gin:1)")
    message = error_of(tmp_path / "a.gin", "TrainConfig.num_steps = %S\nS = 3\n", "S=x")
    assert message.endswith("(%S is set by --gin.S=x)")


def test_fields_that_do_not_fit_each_other_name_both_places_the_newest_first(
    tmp_path: Path,
) -> None:
    message = error_of(
        tmp_path / "a.gin",
        "TrainConfig.micro_batches = 3\n\nTrainConfig.batch_size = 6\n",
        "TrainConfig.batch_size=8",
    )
    assert message.startswith("--gin.TrainConfig.batch_size=8: TrainConfig.batch_size is 8")
    assert "TrainConfig.micro_batches is set in " in message
    assert message.endswith("a.gin:1)")


def test_a_binding_for_a_class_that_this_kind_does_not_build_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fewer = {k: v for k, v in gin_bindings.KINDS["pretrain"].items() if k != "mesh"}
    monkeypatch.setitem(gin_bindings.KINDS, "pretrain", fewer)
    message = error_of(tmp_path / "a.gin", "\nMeshConfig.fsdp = 2\n")
    assert "a.gin:2: nothing uses MeshConfig.fsdp: a pretrain experiment builds " in message

"""What a command line's flags come to."""

import pytest

from bert_jax.commands.arguments import SUMMARIES, make_parser
from bert_jax.recipes.overrides import Override


@pytest.mark.parametrize("command", SUMMARIES)
def test_every_command_takes_json(command: str) -> None:
    assert "--json" in make_parser(command).format_help()


def test_plain_flags_and_bindings_are_collected_in_the_order_typed() -> None:
    line = (
        "tiny --steps 7 --gin.TrainConfig.num-steps=8 --learning-rate 1e-3 "
        "--gin.OptimizerConfig.preset adamw --seed=3 --batch_size=1_024"
    )
    arguments = make_parser("pretrain").parse(line.split())
    assert arguments.overrides == [
        Override("--steps", "TrainConfig.num_steps", 7),
        Override("--gin.TrainConfig.num-steps=8", "TrainConfig.num_steps", 8),
        Override("--learning_rate", "TrainConfig.learning_rate", 1e-3),
        Override("--gin.OptimizerConfig.preset=adamw", "OptimizerConfig.preset", "adamw"),
        Override("--seed", "TrainConfig.seed", 3),
        Override("--batch_size", "TrainConfig.batch_size", 1024),
    ]
    parser = make_parser("pretrain")
    parser.parse(["tiny", "--seed", "3"])
    assert parser.parse(["tiny"]).overrides == []


def test_data_is_a_store_in_place_of_any_other_data() -> None:
    arguments = make_parser("config").parse(["documentation_tiny", "--data", "mine"])
    assert arguments.overrides == [
        Override("--data", "DataConfig.weights", ()),
        Override("--data", "DataConfig.smoothing", None),
        Override("--data", "DataConfig.corpus", None),
        Override("--data", "DataConfig.stores", ()),
        Override("--data", "DataConfig.store", "mine"),
    ]


def test_data_given_again_is_one_store_more_and_leaves_the_weights() -> None:
    line = "tiny --data en --gin.DataConfig.weights=2,1 --data=sw --seed 3"
    assert make_parser("pretrain").parse(line.split()).overrides == [
        Override("--gin.DataConfig.weights=2,1", "DataConfig.weights", (2, 1)),
        Override("--data", "DataConfig.corpus", None),
        Override("--data", "DataConfig.stores", ("en", "sw")),
        Override("--data", "DataConfig.store", None),
        Override("--seed", "TrainConfig.seed", 3),
    ]


@pytest.mark.parametrize("flag", ["--run_dir", "--run-dir"])
def test_minus_and_underscore_are_the_same_in_a_flag(flag: str) -> None:
    assert make_parser("pretrain").parse(["tiny", flag, "a-b_c"]).run_dir == "a-b_c"
    assert make_parser("pretrain").parse(["tiny", f"{flag}=a-b_c"]).run_dir == "a-b_c"


def test_flags_may_stand_between_texts_and_texts_may_look_like_flags() -> None:
    arguments = make_parser("predict").parse(
        ["run", "one [MASK]", "--top-k", "3", "two", "--json", "--", "--three", "-4"]
    )
    assert arguments.texts == ["one [MASK]", "two", "--three", "-4"]
    assert (arguments.model, arguments.top_k, arguments.json) == ("run", 3, True)

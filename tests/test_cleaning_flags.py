"""What the flags of cleaning come to."""

import dataclasses

import pytest

from bert_jax.commands.arguments import make_parser
from bert_jax.commands.cleaning_flags import cleaning_rules
from bert_jax.errors import UserError
from data_pipeline.cleaning.rules import CleaningRules
from data_pipeline.errors import DataError

BASE = ["corpus.txt", "--tokenizer", "t", "--output", "s"]


def rules_of(*flags: str) -> CleaningRules:
    return cleaning_rules(make_parser("prepare").parse([*BASE, *flags]))


def test_without_flags_nothing_is_dropped() -> None:
    assert rules_of() == CleaningRules()


def test_each_rule_has_a_flag_of_its_name() -> None:
    wanted = CleaningRules(
        min_words=3,
        scripts=("Latin", "Greek"),
        min_script_share=0.5,
        max_control_share=0.0,
        max_repeated_line_share=0.25,
        exact_duplicates=True,
        near_duplicates=0.9,
        shingle_words=4,
    )
    assert all(getattr(wanted, field.name) != field.default for field in dataclasses.fields(wanted))
    line = (
        "--min-words 3 --scripts Latin,Greek --min_script_share .5 --max_control_share 0 "
        "--max_repeated_line_share 0.25 --exact_duplicates --near-duplicates 0.9 --shingle_words 4"
    )
    assert rules_of(*line.split()) == wanted


def test_a_value_that_no_rule_takes_is_one_line() -> None:
    with pytest.raises(DataError, match=r"^--near_duplicates is a similarity from 0\.5 to 1.*0\.2"):
        rules_of("--near_duplicates", "0.2")
    with pytest.raises(DataError, match="did you mean Latin"):
        rules_of("--scripts", "latin")
    with pytest.raises(DataError, match=r"^--min_words must be between 0 and 1,000,000,000"):
        rules_of("--min_words", "-1")
    with pytest.raises(DataError, match=r"^--shingle_words is used with --near_duplicates alone"):
        rules_of("--shingle_words", "3")


@pytest.mark.parametrize("names", ["", " , "])
def test_a_list_of_no_scripts_is_an_error(names: str) -> None:
    with pytest.raises(UserError, match="names no script; give Latin, say, or leave the flag out"):
        rules_of("--scripts", names)

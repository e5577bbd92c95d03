"""The flags of the data commands name what the data pipeline knows."""

from bert_jax.commands.data_arguments import LINES
from data_pipeline.documents.lines import LINES_OPTIONS


def test_the_kinds_of_lines_are_those_that_the_data_know() -> None:
    assert LINES == LINES_OPTIONS

"""Tables and paragraphs for a terminal."""

from bert_jax.recipes.text_table import text_table, wrapped


def test_words_stand_left_and_numbers_right() -> None:
    assert text_table(["name", "tokens"], [["numpy", "1"], ["jax", "12,345"]]) == [
        "  name   tokens",
        "  numpy       1",
        "  jax    12,345",
    ]


def test_a_paragraph_keeps_to_its_width_and_goes_on_further_in() -> None:
    lines = wrapped("warning: " + "word " * 40, 50)
    assert max(map(len, lines)) <= 50
    assert lines[0].startswith("warning: ")
    assert all(line.startswith("  w") for line in lines[1:])

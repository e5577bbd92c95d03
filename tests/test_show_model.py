"""How the facts of a model look in a terminal."""

from bert_jax.recipes.show_model import head_lines, show_lines


def test_many_labels_are_counted_and_odd_ones_cannot_command_a_terminal():
    head = {"task": "sequence_classification", "problem_type": "single_label_classification"}
    lines = head_lines({**head, "labels": ["a\x1b[2J", *map(str, range(30))]}, "none")
    assert lines[0] == ("head", "sequence classification, single label classification")
    assert lines[1][1].startswith("31 labels: a\\x1b[2J, 0, 1, ")
    assert lines[1][1].endswith(" and 19 more")


def test_a_long_value_goes_on_below_its_beginning():
    shown = show_lines([("a name", "word " * 20), ("b", "short")], 40)
    lines = shown.splitlines()
    assert max(map(len, lines)) <= 40
    assert lines[0].startswith("a name  word")
    assert lines[1].startswith("        word")
    assert lines[-1] == "b       short"

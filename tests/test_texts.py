"""What a command answers: groups of texts, and their answers one to one with the lines."""

import pytest

from bert_jax.commands.texts import ONE, Item, Parts, each, in_portions, items_of
from bert_jax.errors import UserError
from bert_jax.inference.inputs import BadText
from data_pipeline.errors import DataError

PAIR, CHOICES, CLASSIFIED = Parts(2, 2), Parts(2, None), Parts(1, 2, alike=True)


def items(arguments, lines, parts=ONE, **how):
    texts = [("", text) for text in arguments]
    texts += [(f"F:{number}: ", line) for number, line in enumerate(lines, 1)]
    return list(items_of(texts, parts, **how))


def test_one_text_is_an_argument_or_a_line_tabs_and_all():
    assert items(["a", "b\tc"], ["d\te"]) == [
        Item("", ("a",)),
        Item("", ("b\tc",)),
        Item("F:1: ", ("d\te",)),
    ]


def test_a_line_without_text_asks_nothing_or_is_an_empty_text():
    for parts in (ONE, PAIR, CHOICES, CLASSIFIED):
        assert items([], ["", "\t", "  "], parts) == [Item(f"F:{n}: ", ()) for n in (1, 2, 3)]
    assert items([""], ["", "a"], blank=True) == [
        Item("", ("",)),
        Item("F:1: ", ("",)),
        Item("F:2: ", ("a",)),
    ]


def test_parts_are_arguments_in_turn_or_in_a_line_with_tabs_between():
    assert items(["a", "b", "c", "d"], ["e \t f"], PAIR) == [
        Item("", ("a", "b")),
        Item("", ("c", "d")),
        Item("F:1: ", ("e", "f")),
    ]


@pytest.mark.parametrize("arguments", [[], ["q", "x", "y", "z"]])
def test_a_text_may_have_any_number_of_choices_each_line_its_own(arguments):
    found = items(arguments, ["a\tb\tc", "d\te"], CHOICES)
    expected = [Item("F:1: ", ("a", "b", "c")), Item("F:2: ", ("d", "e"))]
    assert found == [Item("", tuple(arguments))] * bool(arguments) + expected


def test_what_is_classified_is_one_text_or_two_alike_in_all():
    assert [item.parts for item in items(["a", "b"], ["c"], CLASSIFIED)] == [("a",), ("b",), ("c",)]
    pairs = items(["a\tb"], ["c\td", ""], CLASSIFIED)
    assert [item.parts for item in pairs] == [("a", "b"), ("c", "d"), ()]
    with pytest.raises(UserError, match=r"^F:2: 1 text where 2 are needed as in the first line"):
        items([], ["a\tb", "c"], CLASSIFIED)
    with pytest.raises(UserError, match=r"^F:2: 2 texts where 1 is needed as in the first line$"):
        items([], ["a", "c\td"], CLASSIFIED)
    with pytest.raises(UserError, match=r"^F:1: 3 texts where 1 or 2 are needed, with a tab"):
        items([], ["a\tb\tc"], CLASSIFIED)


@pytest.mark.parametrize(
    ("arguments", "lines", "parts", "message"),
    [
        (["a"], [], PAIR, r"^1 text where 2 are needed, one after another"),
        (["a", "b", "c"], [], PAIR, r"^3 texts where 2 are needed, one after another"),
        (["a"], [], CHOICES, r"^1 text where 2 or more are needed, one after another"),
        ([], ["a"], PAIR, r"^F:1: 1 text where 2 are needed, with a tab between them"),
        ([], ["a\tb\tc"], PAIR, r"^F:1: 3 texts where 2 are needed, with a tab"),
        ([], ["a"], CHOICES, r"^F:1: 1 text where 2 or more are needed, with a tab"),
        ([], ["a\t"], PAIR, r"^F:1: text 2 of 2 is empty"),
        ([], ["a\t\tb"], CHOICES, r"^F:1: text 2 of 3 is empty"),
        ([""], [], ONE, r"^the text is empty"),
        ([" \t"], [], ONE, r"^the text is empty"),
        (["", ""], [], PAIR, r"^text 1 of 2 is empty"),
    ],
)
def test_too_few_too_many_and_empty_texts_are_said_with_their_line(
    arguments, lines, parts, message
):
    with pytest.raises(UserError, match=message):
        items(arguments, lines, parts)


def answered(source, size, answer):
    for portion, answers in in_portions(source, size, answer):
        yield from ((item.parts, found) for item, found in each(portion, answers))


def test_answers_stand_beside_their_lines_and_nothing_beside_those_that_ask_nothing():
    asked = items([], ["a", "", "", "b", "", "c", ""])
    found = list(answered(iter(asked), 2, lambda portion: [i.parts[0].upper() for i in portion]))
    assert [answer for _, answer in found] == ["A", None, None, "B", None, "C", None]
    assert [parts for parts, _ in found] == [item.parts for item in asked]


def test_what_comes_before_what_cannot_be_taken_is_answered():
    def answer(portion):
        for i, item in enumerate(portion):
            if item.parts == ("bad",):
                raise BadText(i, "is bad")
        return [item.parts[0] for item in portion]

    found = []
    with pytest.raises(UserError, match=r"^F:4: is bad$"):
        found.extend(answered(iter(items([], ["a", "", "b", "bad", "c"])), 10, answer))
    assert [answer for _, answer in found] == ["a", None, "b"]

    def damaged():
        yield Item("F:1: ", ("a",))
        raise DataError("F: damaged")

    found = []
    with pytest.raises(DataError, match="F: damaged"):
        found.extend(answered(damaged(), 10, answer))
    assert found == [(("a",), "a")]


def test_a_whole_first_portion_is_begun_before_it_is_answered_and_a_part_of_one_never():
    told = []

    def run(count):
        def answer(portion):
            told.append("answer")
            return [0] * len(portion)

        source = iter(items([], ["a"] * count))
        list(in_portions(source, 3, answer, lambda: told.append("begin"), told.append))

    run(2)
    assert told == ["answer", 2]
    told.clear()
    run(7)
    assert told == ["begin", "answer", 3, "answer", 3, "answer", 1]

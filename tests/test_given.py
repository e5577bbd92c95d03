"""What a person gives a model: taken where it can be meant, else an error that says what it is."""

import numpy as np
import pytest

from bert_jax.errors import UserError
from bert_jax.inference.given import (
    check_boolean,
    check_choices,
    check_pairs,
    check_texts,
    check_texts_or_pairs,
    check_texts_or_words,
    check_whole_number,
)


@pytest.mark.parametrize(
    "given",
    [
        ["a", "b\u00e9"],
        ("a", "b\u00e9"),
        np.array(["a", "b\u00e9"]),
        np.array(["a", "b\u00e9"], object),
        {"a": 1, "b\u00e9": 2}.keys() and iter(["a", "b\u00e9"]),
        (text for text in ("a", "b\u00e9")),
    ],
)
def test_texts_may_come_in_anything_that_has_an_order(given):
    found = check_texts(given)
    assert found == ["a", "b\u00e9"]
    assert {type(text) for text in found} == {str}


def test_one_text_is_a_list_of_it_and_none_is_an_empty_list():
    assert check_texts("ab") == ["ab"]
    assert check_texts(np.str_("ab")) == ["ab"]
    for empty in ([], (), np.array([])):
        assert check_texts(empty) == []
        assert check_pairs(empty) == []
        assert check_texts_or_pairs(empty) == []
        assert check_choices(empty) == []


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (None, r"texts is None, and a text \(str\) is needed, or several in a list"),
        (3, r"texts is 3 \(int\), and a text"),
        (b"ab", r"texts is b'ab' \(bytes\), and a text"),
        ({"a": 1}, r"texts is {'a': 1} \(dict\), and"),
        ({"a"}, r"texts is {'a'} \(set\), and"),
        (np.array("ab"), r"texts is array\('ab'.*\(ndarray\), and"),
        ([1], r"texts\[0\] is 1 \(int\), and a text \(str\) is needed"),
        (["a", None], r"texts\[1\] is None, and"),
        (["a", b"b"], r"texts\[1\] is b'b' \(bytes\), and a text \(str\) is needed; decode it"),
        (["a", ["b"]], r"texts\[1\] is \['b'\] \(list\), and"),
        (["a", "b\ud800"], r"texts\[1\] holds '\\ud800', a lone surrogate"),
        (np.zeros((200, 200)), r"texts\[0\] is array\(\[0.*\(ndarray\), and"),
    ],
)
def test_what_is_no_text_is_said_with_what_it_is(given, message):
    with pytest.raises(UserError, match=message) as error:
        check_texts(given)
    assert len(str(error.value)) < 200
    assert "\n" not in str(error.value)


def test_pairs_are_two_texts_each():
    expected = [("a", "b"), ("c", "d")]
    for given in (
        expected,
        [["a", "b"], ["c", "d"]],
        np.array(expected),
        zip("ac", "bd", strict=True),
    ):
        assert check_pairs(given) == expected


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("ab", r"pairs is 'ab' \(str\), and a list of \(first text, second text\) is needed"),
        (("a", "b"), r"pairs\[0\] is 'a' \(str\), and \(first text, second text\) is needed"),
        (["ab"], r"pairs\[0\] is 'ab' \(str\), and"),
        ([("a",)], r"pairs\[0\] is \('a',\) \(tuple\), and"),
        ([("a", "b"), ("a", "b", "c")], r"pairs\[1\] is \('a', 'b', 'c'\) \(tuple\), and"),
        ([("a", 2)], r"pairs\[0\]\[1\] is 2 \(int\), and a text"),
        (None, "pairs is None, and a list of"),
    ],
)
def test_what_is_no_pair_is_said_with_its_place(given, message):
    with pytest.raises(UserError, match=message):
        check_pairs(given)


def test_what_is_classified_is_texts_or_pairs_and_not_both():
    assert check_texts_or_pairs("ab") == ["ab"]
    assert check_texts_or_pairs(["a", "b"]) == ["a", "b"]
    assert check_texts_or_pairs(("a", "b", "c")) == ["a", "b", "c"]
    with pytest.raises(UserError, match=r"write \[\(first, second\)\] for a pair, or \[first, sec"):
        check_texts_or_pairs(("a", "b"))
    assert check_texts_or_pairs([("a", "b")]) == [("a", "b")]
    with pytest.raises(UserError, match=r"texts\[0\] is a text and texts\[1\] is \('a', 'b'\)"):
        check_texts_or_pairs(["a", ("a", "b")])
    with pytest.raises(UserError, match=r"texts\[0\] is \('a',\) \(tuple\), and a text or a pair"):
        check_texts_or_pairs([("a",)])
    with pytest.raises(UserError, match=r"texts is 7 \(int\), and a text or a pair"):
        check_texts_or_pairs(7)


def test_choices_and_words_are_lists_of_texts():
    assert check_choices([("a", ("b", "c")), ["d", ["e"]]]) == [("a", ["b", "c"]), ("d", ["e"])]
    with pytest.raises(UserError, match=r"questions\[0\] is \('a', 'b'\) \(tuple\), and \(text, "):
        check_choices([("a", "b")])
    with pytest.raises(UserError, match=r"questions\[0\]\[1\]\[1\] is 3 \(int\)"):
        check_choices([("a", ["b", 3])])
    assert check_texts_or_words(["a b", ("a", "b")]) == ["a b", ["a", "b"]]
    with pytest.raises(UserError, match=r"texts\[0\]\[1\] is 2 \(int\)"):
        check_texts_or_words([["a", 2]])


def test_a_whole_number_is_of_numpy_too_and_no_truth():
    assert check_whole_number(np.int64(3), "n", 1) == 3
    for given in (0, True, 2.0, "2", None):
        with pytest.raises(UserError, match=r"n is .*; it must be a whole number, at least 1"):
            check_whole_number(given, "n", 1)


def test_a_truth_is_no_text_and_no_number():
    assert check_boolean(np.True_, "normalize") is True
    for given in ("no", 1, None):
        with pytest.raises(UserError, match=r"normalize is .*; it must be True or False"):
            check_boolean(given, "normalize")

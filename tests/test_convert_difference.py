"""What is missing, unexpected, misshapen or no number: listed, and only what is named is let go."""

import numpy as np
import pytest

from bert_jax.convert.difference import compare, listed
from bert_jax.convert.layout import Place
from bert_jax.convert.tensors import TensorInfo
from bert_jax.errors import UserError

PLACED = {name: Place(name, None, (2, 3), (2, 3), False) for name in ("a.w", "a.b", "c")}


def tensors(**kinds):
    return {
        name.replace("_", "."): TensorInfo(name, shape, np.dtype(kind))
        for name, (shape, kind) in kinds.items()
    }


SAME = ((2, 3), np.dtype(np.float32))


def test_a_file_that_has_all_and_nothing_else_does_not_differ():
    assert not compare(PLACED, tensors(a_w=SAME, a_b=SAME, c=((2, 3), np.float16)))


def test_each_kind_of_difference_has_its_line():
    found = compare(PLACED, tensors(a_w=((3, 2), np.float32), d=SAME, c=((2, 3), np.int64)))
    assert found.missing == ("a.b",)
    assert found.unexpected == ("d",)
    assert found.misshapen == {"a.w": ((3, 2), (2, 3))}
    assert found.unfit == {"c": "int64"}
    assert found.lines() == [
        "1 missing: a.b",
        "1 unexpected: d",
        "1 of another shape: a.w is [3, 2] and must be [2, 3]",
        "1 no floating-point numbers: c is of int64",
    ]


def test_a_pattern_lets_go_what_it_names_and_no_other_kind():
    found = compare(PLACED, tensors(d=SAME, d_e=SAME))
    assert found.without(["d*"], ["a.*", "c"]).lines() == []
    assert found.without(["d.*"], ["a.?"]).lines() == ["1 missing: c", "1 unexpected: d"]
    for drop, new in ((["a.*"], []), ([], ["d"])):
        with pytest.raises(UserError, match="no weight that is"):
            found.without(drop, new)


def test_names_are_shown_as_the_file_has_them_and_fit_patterns_of_either():
    called = {"a.w": "w", "a.b": "b", "a.d": "d"}
    found = compare(PLACED, {"a.d": TensorInfo("d", *SAME)}, called)
    assert found.lines() == ["3 missing: w, b, c", "1 unexpected: d"]
    for drop, new in ((["d"], ["w", "b", "c"]), (["a.d"], ["a.*", "c"])):
        assert not found.without(drop, new)
    with pytest.raises(UserError, match=r"no weight that is unexpected is called 'x'; .* is d$"):
        found.without(["x"], [])


def test_what_is_misshapen_cannot_be_let_go():
    found = compare(PLACED, tensors(a_w=((3, 2), np.float32), a_b=SAME, c=SAME))
    with pytest.raises(UserError, match="unexpected is nothing"):
        found.without(["a.w"], [])
    assert found.without([], [])


def test_a_long_list_is_cut_and_counted():
    assert listed([str(i) for i in range(9)]) == "0, 1, 2, 3, 4, 5 and 3 more"

import numpy as np
import pytest

from bert_jax.convert.tensors import Malformed, TensorInfo
from bert_jax.convert.tf1_index import BundleEntry, Slice
from bert_jax.convert.tf1_slices import part_key, parts_of

FLOATS = np.dtype(np.float32)


@pytest.mark.parametrize(
    ("name", "part", "key"),
    [
        # As TensorFlow 2.21 has written them.
        ("a", Slice((34, 0), (33, 7)), "006100010102a2a18087"),
        ("a", Slice((67, 0), (33, 7)), "006100010102c043a18087"),
        ("b", Slice((0, 10000), (5, 5000)), "0062000101028085e02710d388"),
        ("long", Slice((60000, 0), (10000, 2)), "006c6f6e6700010102e0ea60e027108082"),
        ("w", Slice((9000, 0), (1000, None)), "007700010102e02328c3e8807f"),
    ],
)
def test_keys_of_parts_are_those_of_tensorflow(name: str, part: Slice, key: str) -> None:
    assert part_key(name, part).hex() == key


def test_zeros_in_a_name_are_escaped() -> None:
    assert part_key("a\0b", Slice((), ())) == b"\0a\0\xffb\0\1\0"


def variable(
    shape: tuple[int, ...], *slices: Slice, dtype: np.dtype = FLOATS
) -> tuple[BundleEntry, dict[bytes, BundleEntry]]:
    """An entry of parts, and the entries of the parts."""
    parts = {}
    for part in slices:
        sizes = zip(part.starts, part.lengths, shape, strict=True)
        held = tuple(size - start if length is None else length for start, length, size in sizes)
        parts[part_key("v", part)] = BundleEntry(TensorInfo("", held, dtype), 0, 0, 0, 0, ())
    return BundleEntry(TensorInfo("v", shape, FLOATS), 0, 0, 0, 0, slices), parts


def test_parts_are_placed() -> None:
    whole = Slice((0, 0), (2, None)), Slice((2, 0), (1, 2)), Slice((2, 2), (1, 2))
    places = [place for place, _ in parts_of(*variable((3, 4), *whole))]
    assert places == [
        (slice(0, 2), slice(0, 4)),
        (slice(2, 3), slice(0, 2)),
        (slice(2, 3), slice(2, 4)),
    ]


@pytest.mark.parametrize(
    ("slices", "said"),
    [
        ([Slice((0,), (3,))], "do not add up"),
        ([Slice((0,), (3,)), Slice((2,), (1,))], "overlap"),
        ([Slice((0,), (3,)), Slice((3,), (2,))], "not of its shape or type"),
        ([Slice((-1,), (4,))], "not of its shape or type"),
        ([Slice((4,), (-1,)), Slice((0,), (4,))], "not of its shape or type"),
    ],
)
def test_parts_that_do_not_make_up_the_variable_are_refused(slices: list[Slice], said: str) -> None:
    with pytest.raises(Malformed, match=said):
        parts_of(*variable((4,), *slices))


def test_many_parts_are_compared_quickly_and_endless_ones_are_refused() -> None:
    rows = [Slice((i, 0), (1, None)) for i in range(4096)]
    assert len(parts_of(*variable((4096, 2), *rows))) == 4096
    with pytest.raises(Malformed, match="v is in 4097 parts"):
        parts_of(*variable((4097, 2), *rows, Slice((4096, 0), (1, None))))


def test_a_variable_without_axes_or_numbers_may_be_in_parts() -> None:
    assert len(parts_of(*variable((), Slice((), ())))) == 1
    with pytest.raises(Malformed, match="do not add up"):
        parts_of(*variable((), Slice((), ()), Slice((), ())))
    nothing = Slice((0, 0), (0, None)), Slice((0, 0), (3, None))
    assert len(parts_of(*variable((3, 0), *nothing))) == 2


def test_a_part_that_is_missing_or_of_another_type_is_refused() -> None:
    entry, parts = variable((4,), Slice((0,), (4,)))
    with pytest.raises(Malformed, match="a part of v is missing"):
        parts_of(entry, {})
    _, others = variable((4,), Slice((0,), (4,)), dtype=np.dtype(np.int32))
    with pytest.raises(Malformed, match="shape or type"):
        parts_of(entry, others)
    assert len(parts_of(entry, parts)) == 1
    nested = {key: part._replace(slices=entry.slices) for key, part in parts.items()}
    with pytest.raises(Malformed, match="in parts itself"):
        parts_of(entry, nested)

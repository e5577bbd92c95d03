import ml_dtypes
import numpy as np
import pytest
from tf1_bundles import GOLDEN_INDEX, entry, field, header, index_of

from bert_jax.convert.tensors import NOT_NUMBERS, Malformed, TensorInfo
from bert_jax.convert.tf1_index import Slice, parse_index

GOOD = entry(1, (2, 3), 0, 8, 24, 99)


def test_an_index_of_tensorflow_is_read() -> None:
    index = parse_index(GOLDEN_INDEX)
    assert index.num_shards == 1
    assert [entry.info for entry in index.entries.values()] == [
        TensorInfo("a", (2,), np.dtype(ml_dtypes.bfloat16)),
        TensorInfo("b", (3, 2), np.dtype(np.int32)),
        TensorInfo("s", (), NOT_NUMBERS),
    ]
    assert index.entries["a"].size == 4
    assert index.entries["b"].slices == (Slice((0, 0), (2, None)), Slice((2, 0), (1, None)))
    assert [part.info.shape for part in index.parts.values()] == [(2, 2), (1, 2)]


def test_an_entry_says_where_its_bytes_are() -> None:
    name = "bert/ä/kernel"
    index = parse_index(index_of({name.encode(): entry(1, (2, 3), 1, 8, 24, 99)}, header(2)))
    found = index.entries[name]
    assert found.info == TensorInfo(name, (2, 3), np.dtype(np.float32))
    assert (found.shard, found.offset, found.size, found.crc32c) == (1, 8, 24, 99)


@pytest.mark.parametrize("number", [7, 20, 21, 11, 24, 999])
def test_a_type_that_numpy_lacks_is_listed(number: int) -> None:
    index = parse_index(index_of({b"x": entry(number, (2,), 0, 0, 77, 0)}))
    assert index.entries["x"].info.dtype == NOT_NUMBERS


@pytest.mark.parametrize(
    ("head", "said"),
    [
        (b"", "header of a TensorFlow checkpoint"),
        (header(0), "header of a TensorFlow checkpoint"),
        (header(-1), "header of a TensorFlow checkpoint"),
        (header(endianness=1), "big-endian"),
        (header(min_consumer=2), "newer TensorFlow"),
        (b"\xff", "cut off"),
    ],
)
def test_a_header_of_another_kind_is_refused(head: bytes, said: str) -> None:
    with pytest.raises(Malformed, match=said):
        parse_index(index_of({b"x": GOOD}, head))


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (entry(1, (2, 3), 1, 8, 24, 99), "x is in data file 1 of 1"),
        (entry(1, (2, 3), -1, 8, 24, 99), "x is in data file -1 of 1"),
        (entry(1, (2, 3), 0, -8, 24, 99), "begins at -8 with 24"),
        (entry(7, (), 0, 8, -24, 99), "begins at 8 with -24"),
        (entry(1, (2, 3), 0, 8, 23, 99), r"has 23 bytes where float32\[2, 3\] needs 24"),
        (entry(1, (2**40, 2**40), 0, 8, 24, 99), "has the shape"),
        (entry(1, (-1,), 0, 8, 24, 99), r"has the shape \[-1\]"),
        (GOOD + field(2, field(3, 1)), "no known shape"),
        (GOOD + field(7, field(1, field(1, 0))), "other axes than the variable"),
        (GOOD + field(1, b"ab"), "is no number"),
        (GOOD[:-1], "cut off"),
    ],
)
def test_an_entry_that_lies_is_refused(value: bytes, said: str) -> None:
    with pytest.raises(Malformed, match=said):
        parse_index(index_of({b"x": value}))


def test_a_name_that_is_no_text_is_refused() -> None:
    with pytest.raises(Malformed, match="not UTF-8"):
        parse_index(index_of({b"a\xff": GOOD}))

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tf1_bundles import GOLDEN_INDEX, block_content, footer, sealed, table, varint

from bert_jax.convert.leveldb_table import read_table
from bert_jax.convert.tensors import Malformed

SMALL = [(b"", b"head"), (b"aa", b"1"), (b"aab", b""), (b"b", b"22")]


def test_a_table_of_tensorflow_has_its_keys() -> None:
    keys = list(read_table(GOLDEN_INDEX))
    assert keys[0] == b""
    assert keys[-3:] == [b"a", b"b", b"s"]
    assert len(keys) == 6


@given(
    st.dictionaries(st.binary(max_size=9), st.binary(max_size=9)), st.integers(1, 4), st.booleans()
)
def test_a_table_of_any_keys_is_read_back(
    content: dict[bytes, bytes], size: int, share: bool
) -> None:
    entries = sorted(content.items())
    blocks = [entries[at : at + size] for at in range(0, len(entries), size)]
    assert list(read_table(table([block_content(b, share) for b in blocks])).items()) == entries


@pytest.mark.parametrize("content", [b"", b"\0" * 100, GOLDEN_INDEX[:-1], GOLDEN_INDEX[-20:]])
def test_what_does_not_end_as_a_table_is_refused(content: bytes) -> None:
    with pytest.raises(Malformed, match="cut off, or something else"):
        read_table(content)


def test_every_bit_before_the_footer_is_under_a_checksum() -> None:
    # Not the block of other facts, which is empty and not read.
    whole = read_table(table([block_content(SMALL)]))
    content = table([block_content(SMALL)])
    size = len(sealed(block_content(SMALL)))
    meta = len(sealed(block_content([])))
    for at in [*range(size), *range(size + meta, len(content) - 48)]:
        changed = bytearray(content)
        changed[at] ^= 4
        with pytest.raises(Malformed, match="checksum"):
            read_table(bytes(changed))
    assert whole == dict(SMALL)


@pytest.mark.parametrize(("compression", "said"), [(1, "Snappy"), (7, r"unknown way \(7\)")])
def test_a_compressed_block_is_refused(compression: int, said: str) -> None:
    with pytest.raises(Malformed, match=said):
        read_table(table([block_content(SMALL)], compression))


@pytest.mark.parametrize(
    ("block", "said"),
    [
        (block_content([(b"b", b""), (b"a", b"")]), "not in order"),
        (block_content([(b"a", b""), (b"a", b"")]), "not in order"),
        (b"", "too short"),
        (struct.pack("<I", 2**32 - 1), "too short"),
        (varint(1) + varint(0) + varint(0) + struct.pack("<I", 0), "longer than its block"),
        (varint(0) + varint(9) + varint(0) + struct.pack("<I", 0), "longer than its block"),
        (varint(0) + varint(0) + varint(2**63) + struct.pack("<I", 0), "longer than its block"),
        (b"\x80" + struct.pack("<I", 0), "longer than its block"),
        (block_content([(b"a" * 4097, b"")]), "4097 bytes"),
    ],
)
def test_a_block_that_lies_is_refused(block: bytes, said: str) -> None:
    with pytest.raises(Malformed, match=said):
        read_table(table([block]))


@pytest.mark.parametrize("offsets", [(2**32 - 1,), (7, 3, 2**31), (0,) * 9])
def test_what_is_kept_for_binary_search_may_be_anything(offsets: tuple[int, ...]) -> None:
    entries = block_content(SMALL)[:-8]
    block = entries + struct.pack(f"<{len(offsets) + 1}I", *offsets, len(offsets))
    assert read_table(table([block])) == dict(SMALL)
    for count in (len(offsets) + 2**20, 2**30):
        with pytest.raises(Malformed, match="too short"):
            read_table(table([block[:-4] + struct.pack("<I", count)]))


@pytest.mark.parametrize(
    ("handles", "said"),
    [
        ([(0, 2**63)], "beyond its end"),
        ([(2**63, 1)], "beyond its end"),
        ([(0, len(block_content([])))] * 2, "overlap"),
    ],
)
def test_a_place_that_lies_is_refused(handles: list[tuple[int, int]], said: str) -> None:
    before = sealed(block_content([]))
    index = block_content([(bytes([i]), varint(a) + varint(b)) for i, (a, b) in enumerate(handles)])
    with pytest.raises(Malformed, match=said):
        read_table(before + footer(before, index))


def test_a_small_table_of_endless_names_is_refused() -> None:
    # Each shares all but a byte or two with the one before: 4 bytes of the file, 4,000 of memory.
    content = varint(0) + varint(4000) + varint(0) + b"x" * 4000
    for number in range(2**25 // 4000):
        content += varint(4000) + varint(2) + varint(0) + number.to_bytes(2, "big")
    with pytest.raises(Malformed, match="longer than those of any checkpoint"):
        read_table(table([content + struct.pack("<I", 0)]))

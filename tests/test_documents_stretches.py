import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_pipeline.documents.stretches import last_after, stretches


def never(text: bytearray) -> int:
    pytest.fail(f"asked where to cut {text!r}")


@given(
    st.lists(st.binary(max_size=9)), st.integers(1, 30), st.sampled_from([b"\n", b"ab", b"</p>"])
)
def test_stretches_joined_are_the_stream_and_each_ends_with_the_marker(
    blocks: list[bytes], unit: int, marker: bytes
) -> None:
    blocks = [part for block in blocks for part in (block, marker[:1], marker[1:])]
    found = list(stretches(blocks, last_after(marker), 1 << 20, never, unit))
    assert b"".join(found) == b"".join(blocks)
    assert all(stretch.endswith(marker) and len(stretch) >= 1 for stretch in found[:-1])


def test_a_marker_is_found_where_two_blocks_meet() -> None:
    found = list(stretches([b"one</p", b">two"], last_after(b"</p>"), 99, never, 1))
    assert found == [b"one</p>", b"two"]


def test_a_stretch_without_an_end_is_cut_where_it_is_too_long() -> None:
    asked = []

    def too_long(text: bytearray) -> int:
        asked.append(bytes(text))
        return 4

    found = list(stretches([b"abc", b"def", b"gh"], last_after(b"\n"), 6, too_long, 2))
    assert asked == [b"abcdef"]
    assert found == [b"abcd", b"efgh"]


def test_a_long_stretch_is_searched_once() -> None:
    searched = []

    def last_end(text: bytearray, seen: int) -> int | None:
        searched.append((seen, len(text)))
        return None

    list(stretches([b"x" * 10] * 4, last_end, 1000, never, 1))
    assert searched == [(0, 10), (10, 20), (20, 30), (30, 40)]

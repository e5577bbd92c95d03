from itertools import chain, pairwise

from hypothesis import given
from hypothesis import strategies as st

from data_pipeline.text.parts import parts_of


@given(st.lists(st.text(max_size=9)), st.integers(0, 20))
def test_parts_hold_all_texts_in_order_and_are_as_large_as_they_may(
    texts: list[str], most: int
) -> None:
    parts = [list(part) for part in parts_of(texts, most)]
    assert list(chain.from_iterable(parts)) == texts
    assert len(parts) >= 1
    assert all(len(part) == 1 or sum(map(len, part)) <= most for part in parts)
    for part, after in pairwise(parts):
        assert sum(map(len, part)) + len(after[0]) > most

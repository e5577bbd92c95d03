"""Distributions of lengths, made piece by piece."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from splits import split_of

from data_pipeline.doctor import lengths
from data_pipeline.doctor.lengths import (
    BINS,
    QUANTILES,
    distribution,
    document_sentences,
    document_tokens,
    sentence_tokens,
)
from data_pipeline.errors import DataError


@settings(deadline=None)
@given(st.lists(st.integers(1, 5000), min_size=1, max_size=300), st.integers(1, 50))
def test_quantiles_are_exact_and_every_length_is_in_one_bin(values: list[int], cut: int) -> None:
    array = np.array(values)
    found = distribution([array[:cut], array[cut:]])
    ordered = np.sort(array)
    for q in QUANTILES:
        assert found.quantiles[q] == ordered[-(-q * len(array) // 100) - 1]
    assert (found.count, found.min, found.max) == (len(array), array.min(), array.max())
    assert found.mean == pytest.approx(array.mean())
    assert sum(found.counts) == len(array)
    assert len(found.edges) == len(found.counts) + 1 <= BINS + 3
    assert found.edges[0] <= array.min()
    assert list(found.edges) == sorted(set(found.edges))
    for lo, hi, n in list(zip(found.edges, found.edges[1:], found.counts, strict=False))[:-1]:
        assert n == ((array >= lo) & (array < hi)).sum()


def test_the_three_lengths_are_those_of_the_split(monkeypatch: pytest.MonkeyPatch) -> None:
    split = split_of([[3, 4], [5], [1, 1, 10]])
    for piece in (1 << 20, 2):  # all at once, or two at a time
        monkeypatch.setattr(lengths, "_PIECE", piece)
        assert (sentence_tokens(split).mean, sentence_tokens(split).max) == (4.0, 10)
        assert (document_sentences(split).mean, document_sentences(split).max) == (2.0, 3)
        assert (document_tokens(split).median, document_tokens(split).max) == (7, 12)


def test_a_few_very_long_ones_do_not_need_memory_or_hide_the_others() -> None:
    found = distribution([np.array([10] * 90 + [100] * 9 + [10**9])])
    assert (found.max, found.median, found.quantiles[99]) == (10**9, 10, 100)
    assert found.edges[-1] < 300
    assert found.counts[-1] >= 1


def test_nothing_to_measure_is_an_error() -> None:
    with pytest.raises(DataError, match="the split is empty"):
        distribution([])


def test_bins_are_of_one_width_unless_a_few_lengths_are_far_from_the_others() -> None:
    widths = np.diff(distribution([np.arange(1, 400)]).edges)
    assert (widths == widths[0]).all()
    assert (np.diff(distribution([np.array([1] * 90 + [20] * 10)]).edges) == 1).all()
    widths = np.diff(distribution([np.array([10] * 90 + [5000] * 10)]).edges)
    assert widths[-1] > 100 * widths[0]

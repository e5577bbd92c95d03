from collections import Counter
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from masked_rows import IDS, chosen_of, drawn_counts, masked_of, random_rows, rows_of_words
from statistics_bounds import assert_counts, assert_share, assert_uniform

from data_pipeline.counter_random import Stream, random_bits, stream_key
from data_pipeline.masking.spans import choose_spans, lay, span_lengths
from data_pipeline.masking.words import find_words
from data_pipeline.objective import PretrainingObjective


def spans_of(
    ids: np.ndarray, candidates: np.ndarray, counts: np.ndarray, **fields
) -> list[list[list[int]]]:
    """Each row's spans, as the places of their tokens."""
    assert IDS.continues_word is not None
    rows, length = ids.shape
    objective = PretrainingObjective(length, masking="span", **fields)
    words = find_words(ids, candidates, IDS.continues_word)
    places, number, heads = choose_spans(words, counts, objective, 0, np.arange(rows))
    assert (np.bincount(places // length, minlength=rows) == number).all()
    assert (np.diff(places) > 0).all()
    spans: list[list[list[int]]] = [[] for _ in range(rows)]
    for head in np.unique(heads):
        spans[head // length].append((places[heads == head] % length).tolist())
    return spans


def drawn_lengths(row: int, number: int, end_prob: float = 0.2, longest: int = 10) -> list[int]:
    """The lengths that a row's spans are drawn with, in the order in which they are taken."""
    key = random_bits(stream_key(0, Stream.SPAN_LENGTH), np.array([row]))
    return span_lengths(random_bits(key, np.arange(number)), end_prob, longest).tolist()


@pytest.mark.parametrize(
    ("end_prob", "longest", "mean"), [(0.2, 10, 3.797), (0.5, 3, 11 / 7), (1e-300, 4, 2.5)]
)
def test_lengths_are_geometric_and_drawn_again_above_the_longest(
    end_prob: float, longest: int, mean: float
) -> None:
    lengths = span_lengths(random_bits(7, np.arange(200_000)), end_prob, longest)
    shares = np.array([(1 - end_prob) ** k for k in range(longest)])
    shares /= shares.sum()
    assert shares @ np.arange(1, longest + 1) == pytest.approx(mean, abs=1e-3)
    assert_counts(np.bincount(lengths, minlength=longest + 1)[1:], shares)
    assert lengths.max() == longest


@pytest.mark.parametrize(("end_prob", "longest"), [(1.0, 10), (0.2, 1)])
def test_spans_of_one_word_are_possible(end_prob: float, longest: int) -> None:
    bits = np.array([0, 1 << 63, (1 << 64) - 1], np.uint64)
    assert span_lengths(bits, end_prob, longest).tolist() == [1, 1, 1]


def test_spans_of_one_word_fill_the_count_too() -> None:
    ids, candidates, _ = rows_of_words([[[1] * 60, [1] * 65]] * 20, 128)
    masked = masked_of(ids, candidates, np.full(20, 19), masking="span", span_end_prob=1.0)
    assert (masked.weights.sum(axis=1) == 19).all()


@given(
    st.integers(1, 4).flatmap(
        lambda n: st.tuples(
            st.lists(st.integers(1, 5), min_size=n, max_size=n), st.permutations(range(n + 3))
        )
    )
)
def test_spans_that_are_laid_never_overlap(drawn: tuple[list[int], list[int]]) -> None:
    lengths, slots = np.array(drawn[0]), np.array(drawn[1][: len(drawn[0])])
    first = lay(lengths[None], slots[None])[0]
    covered = [
        word for at, length in zip(first, lengths, strict=True) for word in range(at, at + length)
    ]
    assert len(set(covered)) == lengths.sum()
    assert min(covered) >= 0
    assert max(covered) < lengths.sum() + 3
    assert (np.argsort(first) == np.argsort(slots)).all()


def test_every_way_to_lay_spans_comes_from_one_set_of_slots() -> None:
    # Lengths 1, 2, 3 on a line of 8 words: 3 spans and 2 free words in any order.
    ways = {tuple(lay(np.array([[1, 2, 3]]), np.array([s]))[0]) for s in permutations(range(5), 3)}
    wanted = set()
    for starts in permutations(range(8), 3):
        covered = [
            w for at, length in zip(starts, (1, 2, 3), strict=True) for w in range(at, at + length)
        ]
        if len(set(covered)) == 6 and max(covered) < 8:
            wanted.add(starts)
    assert ways == wanted


def test_a_rows_spans_have_the_lengths_drawn_for_it_and_the_count_ends_the_last() -> None:
    ids, candidates, _ = rows_of_words([[[1] * 125]] * 200, 127)
    seen: Counter[str] = Counter()
    for row, spans in enumerate(spans_of(ids, candidates, np.full(200, 19), max_predictions=20)):
        wanted, left = [], 19
        for length in drawn_lengths(row, 19):
            wanted.append(min(length, left))
            left -= wanted[-1]
        lengths = [len(span) for span in spans]
        assert sum(lengths) == 19
        assert all(np.diff(span).max(initial=1) == 1 for span in spans)
        wanted = [length for length in wanted if length]
        if spans[0][0] == 1 and spans[-1][-1] == 125 and len(spans) > len(wanted):
            # One lay over the end of the row, and is two.
            lengths = [lengths[0] + lengths[-1], *lengths[1:-1]]
            seen["over the end"] += 1
        assert sorted(lengths) == sorted(wanted)
        seen["cut"] += wanted[-1] != drawn_lengths(row, len(wanted))[-1]
    assert seen["over the end"] > 5
    assert seen["cut"] > 50


def test_spans_begin_uniformly_and_every_word_is_as_likely_as_another() -> None:
    n, words = 20_000, 40
    ids, candidates, _ = rows_of_words([[[1] * 25, [1] * 15]], words + 3)
    ids, candidates = np.repeat(ids, n, axis=0), np.repeat(candidates, n, axis=0)
    chosen = chosen_of(masked_of(ids, candidates, np.full(n, 8), masking="span"))
    # What a span takes its neighbour is likely to take too: as if there were fewer draws.
    covered = chosen.sum(axis=0)[candidates[0]]
    assert_uniform(covered / 8)
    # On the ring of words a span begins behind a word that is not in one.
    ring = chosen[:, candidates[0]]
    begins = (ring & ~np.roll(ring, 1, axis=1)).sum(axis=0)
    assert_uniform(begins)


def test_words_are_never_cut_and_spans_never_go_over_a_separator() -> None:
    ids, candidates, numbers = random_rows(np.random.default_rng(0), 300, 128)
    counts = np.full(300, 19)
    spans = spans_of(ids, candidates, counts, max_predictions=20)
    used = 0
    for row, of_row in enumerate(spans):
        chosen = np.zeros(128, bool)
        for span in of_row:
            assert np.diff(span).max(initial=1) == 1  # a separator would lie between
            assert candidates[row, span].all()
            chosen[span] = True
        assert 0 < chosen.sum() <= 19
        used += chosen.sum()
        same_word = candidates[row, 1:] & (numbers[row, 1:] == numbers[row, :-1])
        assert (chosen[1:] == chosen[:-1])[same_word].all()
    assert used / (19 * 300) > 0.98


def test_a_span_at_the_end_of_a_part_goes_on_in_the_next_as_another_span() -> None:
    # Everything is masked, so spans lie over both ends of some rows.
    ids, candidates, _ = rows_of_words([[[1] * 10, [1] * 10]] * 50, 24)
    spans = spans_of(ids, candidates, np.full(50, 20), max_predictions=20, masked_lm_prob=1.0)
    for of_row in spans:
        assert (
            sorted(place for span in of_row for place in span)
            == np.flatnonzero(candidates[0]).tolist()
        )
        assert {1, 12} <= {span[0] for span in of_row}


def test_a_word_that_does_not_fit_is_passed_over_and_others_are_tried() -> None:
    ids, candidates, _ = rows_of_words([[[9, 1], [8, 9]], [[9], [9]]], 34)
    spans = spans_of(np.repeat(ids, 20, 0), np.repeat(candidates, 20, 0), np.full(40, 3))
    assert spans[:20] == [[[10]]] * 20  # the only word of fewer than four pieces
    assert spans[20:] == [[]] * 20


def test_one_draw_decides_for_a_whole_span() -> None:
    ids, candidates, _ = random_rows(np.random.default_rng(3), 2000, 128)
    counts = np.full(2000, 19)
    spans = spans_of(ids, candidates, counts, max_predictions=20)
    masked = masked_of(ids, candidates, counts, masking="span")
    kinds: Counter[str] = Counter()
    random_tokens = []
    for row, of_row in enumerate(spans):
        for span in of_row:
            shown, original = masked.input_ids[row, span], ids[row, span]
            if (shown == IDS.mask).all():
                kinds["mask"] += 1
            elif (shown == original).all():
                kinds["kept"] += 1
            else:
                kinds["random"] += 1
                random_tokens.append(shown)
    # A span of one random token is the original, or [MASK], once in a thousand times.
    assert_share(kinds["mask"], kinds.total(), 0.8)
    assert_share(kinds["kept"], kinds.total(), 0.1)
    assert_share(kinds["random"], kinds.total(), 0.1)
    # The random tokens of a span are drawn one by one, from the whole vocabulary.
    tokens = np.concatenate(random_tokens)
    assert_uniform(np.bincount(tokens // 100, minlength=10))
    assert (np.concatenate([np.diff(t) for t in random_tokens]) != 0).mean() > 0.99


@settings(deadline=None, max_examples=60)
@given(
    st.lists(
        st.lists(st.lists(st.integers(1, 7), max_size=12), min_size=1, max_size=3),
        min_size=1,
        max_size=5,
    ),
    st.integers(1, 20),
    st.integers(1, 12),
    st.floats(0.01, 1),
    st.data(),
)
def test_odd_rows_keep_the_rules(
    rows: list[list[list[int]]],
    max_predictions: int,
    longest: int,
    end_prob: float,
    data: st.DataObject,
) -> None:
    length = max(5, max(sum(map(sum, row)) + len(row) + 1 for row in rows))
    ids, candidates, numbers = rows_of_words(rows, length)
    counts, max_predictions = drawn_counts(candidates, max_predictions, data)
    spans = spans_of(
        ids,
        candidates,
        counts,
        max_predictions=max_predictions,
        longest_span=longest,
        span_end_prob=end_prob,
    )
    for row, of_row in enumerate(spans):
        places = [place for span in of_row for place in span]
        assert all(np.diff(span).max(initial=1) == 1 for span in of_row)
        assert len(places) <= counts[row]
        words = set(numbers[row, places].tolist())
        assert np.isin(numbers[row], list(words)).sum() == len(places)
        assert all(len(set(numbers[row, span].tolist())) <= longest for span in of_row)
        left = counts[row] - len(places)
        sizes = [length for part in rows[row] for length in part]
        if (
            left and len(sizes) <= counts[row]
        ):  # all words are in spans, and none of the others fits
            assert all(size > left for word, size in enumerate(sizes) if word not in words)

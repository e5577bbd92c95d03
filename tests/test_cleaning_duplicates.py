"""Duplicates among all documents: who is a copy of whom, and how many comparisons that takes."""

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from data_pipeline.cleaning import duplicates
from data_pipeline.cleaning.duplicates import Duplicates, find_duplicates
from data_pipeline.cleaning.rules import CleaningRules
from data_pipeline.cleaning.signatures import NUM_HASHES, Signatures, signature_dtype, signatures

EXACT = CleaningRules(exact_duplicates=True)
BOTH = CleaningRules(exact_duplicates=True, near_duplicates=0.8)
# Sets of words: with shingles of one word, similarities can be made to measure.
WORDS = CleaningRules(near_duplicates=0.8, shingle_words=1)
CHANCE = 1e-6


def found_in(*documents: str, rules: CleaningRules = BOTH) -> Duplicates:
    return find_duplicates(signatures([[document] for document in documents], rules), rules)


def text_of(rng: np.random.Generator, words: int) -> list[str]:
    return [f"w{number}" for number in rng.integers(0, 10**9, words)]


def test_copies_but_for_case_spaces_and_punctuation_are_exact_and_the_first_is_kept() -> None:
    found = found_in("other", "One two.", "one  TWO", "one two three", "(one) two!", rules=EXACT)
    assert found.kept.tolist() == [0, 1, 1, 3, 1]
    assert found.exact.tolist() == found.dropped.tolist() == [False, False, True, False, True]


def test_near_copies_are_dropped_as_near_and_exact_ones_as_exact() -> None:
    words = text_of(np.random.default_rng(0), 300)
    whole, cut, half = " ".join(words), " ".join(words[5:]), " ".join(words[:150])
    found = found_in("unlike", cut, half, whole, whole.upper())
    assert found.kept.tolist() == [0, 1, 2, 1, 1]
    assert found.exact.tolist() == [False, False, False, False, True]
    only_exact = found_in(cut, whole, whole.upper(), rules=EXACT)
    assert only_exact.kept.tolist() == [0, 1, 1]
    only_near = found_in(whole, whole.upper(), rules=WORDS)
    assert only_near.kept.tolist() == [0, 0]
    assert not only_near.exact.any()


def test_what_pairs_connect_is_one_group() -> None:
    words = text_of(np.random.default_rng(1), 240)
    chain = [" ".join(words[start : start + 200]) for start in (0, 10, 20, 30, 40)]
    ends = found_in(chain[0], chain[-1], rules=WORDS)
    assert ends.kept.tolist() == [0, 1], "not alike by themselves"
    assert found_in(*chain, rules=WORDS).kept.tolist() == [0] * 5
    assert found_in(*chain[::2], *chain[1::2], rules=WORDS).kept.tolist() == [0] * 5


@pytest.mark.parametrize("documents", [[], [""], ["", ""], ["one"], ["x" * 10_000] * 2])
def test_small_and_odd_corpora_are_answered(documents: list[str]) -> None:
    assert found_in(*documents).kept.tolist() == [0] * len(documents)


@pytest.mark.parametrize(("shared", "words"), [(70, 85), (80, 90), (85, 93), (90, 95), (95, 98)])
def test_pairs_of_a_known_similarity_are_found_as_often_as_minhash_says(
    shared: int, words: int
) -> None:
    """Estimates are binomial; of pairs that pass, the bands lose at most those they may."""
    rng, pairs = np.random.default_rng(words), 400
    documents = []
    for _ in range(pairs):
        union = text_of(rng, 2 * words - shared)
        documents += [union[:words], union[words - shared :]]
    similarity = shared / (2 * words - shared)
    found = find_duplicates(signatures([[" ".join(d)] for d in documents], WORDS), WORDS)
    assert (found.kept[::2] == np.arange(0, 2 * pairs, 2)).all(), "the first of a pair stays"
    count = int(found.dropped.sum())
    passes = float(stats.binom.sf(np.ceil(0.8 * NUM_HASHES) - 1, NUM_HASHES, similarity))
    lost = 0.01
    assert stats.binom.cdf(count, pairs, passes * (1 - lost)) > CHANCE, (count, passes)
    assert stats.binom.sf(count - 1, pairs, passes) > CHANCE, (count, passes)


@pytest.mark.parametrize("threshold", [0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1.0])
def test_bands_find_99_of_100_pairs_at_the_threshold_with_no_shorter_rows_than_needed(
    threshold: float,
) -> None:
    def recall(rows: int) -> float:
        return 1 - (1 - threshold**rows) ** (NUM_HASHES // rows)

    bands = duplicates._bands(threshold)
    ((rows,),) = [{high - low for low, high in bands}]
    assert [low for low, _ in bands] == list(range(0, rows * (NUM_HASHES // rows), rows))
    assert recall(rows) >= 0.99
    assert all(recall(longer) < 0.99 for longer in range(rows + 1, NUM_HASHES + 1))


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32), st.integers(2, 60), st.data())
def test_neither_units_nor_work_in_other_orders_change_what_is_found(
    seed: int, number: int, data: st.DataObject
) -> None:
    documents = made_up_corpus(seed, number)
    whole = find_duplicates(signatures(documents, BOTH), BOTH)
    cuts = sorted(data.draw(st.lists(st.integers(0, number), max_size=4)))
    units = [
        (low, signatures(documents[low:high], BOTH))
        for low, high in zip([0, *cuts], [*cuts, number], strict=True)
    ]
    done = data.draw(st.permutations(units))  # whoever is ready first
    in_order = [unit for _, unit in sorted(done, key=lambda unit: unit[0])]
    joined = np.concatenate(in_order) if in_order else signatures([], BOTH)
    again = find_duplicates(joined, BOTH)
    assert again.kept.tolist() == whole.kept.tolist()
    assert again.exact.tolist() == whole.exact.tolist()


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 60))
def test_groups_are_of_documents_that_similar_pairs_connect(seed: int, number: int) -> None:
    """Against all pairs: nothing else is joined, and copies of one text always are."""
    documents = made_up_corpus(seed, number)
    records = signatures(documents, BOTH)
    found = find_duplicates(records, BOTH)
    assert found.kept.tolist() == found.kept[found.kept].tolist()
    assert (found.kept <= np.arange(number)).all()
    values = records["minhash"].astype(int)
    alike = (values[:, None] == values[None]).mean(-1) >= 0.8
    reach = np.linalg.matrix_power(alike.astype(float), number) > 0
    assert reach[np.arange(number), found.kept].all()
    same = (records["exact"][:, None] == records["exact"][None]).all(-1)
    assert (found.exact == (same.argmax(1) < np.arange(number))).all()
    assert found.kept.tolist() == found.kept[same.argmax(1)].tolist()
    assert not (found.exact & ~found.dropped).any()


def test_in_another_order_the_groups_are_the_same_and_another_document_stays() -> None:
    documents = made_up_corpus(5, 60)
    order = np.random.default_rng(2).permutation(60)
    records = signatures(documents, BOTH)
    here = find_duplicates(records, BOTH).kept
    there = find_duplicates(records[order], BOTH).kept
    groups = {frozenset(np.flatnonzero(here == first).tolist()) for first in set(here)}
    others = {frozenset(order[there == first].tolist()) for first in set(there)}
    assert groups == others
    assert len(groups) < 60


def made_up_corpus(seed: int, number: int) -> list[list[str]]:
    """Documents, some of which repeat an earlier one, changed more or less."""
    rng = np.random.default_rng(seed)
    documents: list[list[str]] = []
    for _ in range(number):
        if documents and rng.random() < 0.6:
            words = " ".join(documents[rng.integers(len(documents))]).split()
            if rng.random() < 0.3:
                words = [word.upper() for word in words]
            else:
                words = words[: max(1, len(words) - int(rng.integers(0, 6)))]
        else:
            words = text_of(rng, int(rng.integers(1, 80)))
        documents.append([" ".join(words)])
    return documents


def counted(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The number of pairs compared in each call, from now on."""
    calls: list[int] = []
    make = duplicates._similar

    def similar(*arguments: Any) -> Callable[..., Any]:
        alike = make(*arguments)

        @functools.wraps(alike)
        def counting(left: Any, right: Any) -> Any:
            calls.append(len(left))
            return alike(left, right)

        return counting

    monkeypatch.setattr(duplicates, "_similar", similar)
    return calls


def records_of(minhash: np.ndarray) -> Signatures:
    records = np.zeros(len(minhash), signature_dtype(WORDS))
    records["minhash"] = minhash
    return records


def test_a_huge_group_is_compared_once(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = counted(monkeypatch)
    found = find_duplicates(records_of(np.ones((5_000, NUM_HASHES))), WORDS)
    assert (found.kept == 0).all()
    assert sum(calls) == 4_999


def test_documents_that_agree_in_bands_and_are_unlike_take_no_quadratic_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    calls = counted(monkeypatch)
    minhash = np.random.default_rng(0).integers(0, 2**16, (3_000, NUM_HASHES))
    bands = duplicates._bands(0.8)
    for low, high in bands[:4]:
        minhash[:, low:high] = 7
    found = find_duplicates(records_of(minhash), WORDS)
    assert not found.dropped.any()
    assert sum(calls) <= 4 * duplicates._ROUNDS * 3_000


def test_a_copy_is_found_behind_an_unlike_document_with_the_same_band() -> None:
    rng = np.random.default_rng(0)
    minhash = rng.integers(0, 2**16, (3, NUM_HASHES))
    low, high = duplicates._bands(0.8)[0]
    minhash[:, low:high] = 7
    minhash[2] = minhash[1]
    minhash[2, -20:] = rng.integers(0, 2**16, 20)
    assert find_duplicates(records_of(minhash), WORDS).kept.tolist() == [0, 1, 1]


def test_progress_is_shown_for_each_band() -> None:
    from contextlib import contextmanager

    seen: list[Any] = []

    class Task:
        def advance(self, n: int = 1) -> None:
            seen.append(n)

        def note(self, text: str) -> None:
            raise AssertionError(text)

    @contextmanager
    def progress(description: str, total: int | None, unit: str) -> Any:
        seen.append(total)
        yield Task()

    find_duplicates(signatures([["one"]], BOTH), BOTH, progress=progress)
    assert seen[0] == sum(seen[1:]) == 22

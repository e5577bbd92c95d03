from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from original_pairs import CounterDraws, Document, SequentialDraws, original_pairs
from scipy import stats
from splits import documents_of, random_split, split_of
from statistics_bounds import CHANCE, assert_share, assert_uniform

from data_pipeline.errors import DataError
from data_pipeline.objective import PretrainingObjective
from data_pipeline.plans import document_walk
from data_pipeline.plans.document_walk import Corpus, walk
from data_pipeline.plans.sentence_pairs import Plan, make_plan
from data_pipeline.store.token_store import Split

Lengths = list[list[int]]
SMALL = PretrainingObjective(max_length=24, max_predictions=4)
Row = tuple[int, int, int, int, int]


def rows_of(plan: Plan) -> list[Row]:
    return sorted(plan.examples[["a_start", "b_start", "a_length", "b_length", "label"]].tolist())


def rows_of_original(lengths: Lengths, objective: PretrainingObjective, draws) -> list[Row]:
    """What the plain walk gives, as places in the split (a token of it is its own place)."""
    numbers = iter(range(sum(map(sum, lengths))))
    documents: list[Document] = [
        [[next(numbers) for _ in range(length)] for length in document] for document in lengths
    ]
    pairs = original_pairs(documents, objective.max_length, objective.short_seq_prob, draws)
    rows = []
    for pair in pairs:
        for part in (pair.a, pair.b):
            assert part == list(range(part[0], part[0] + len(part)))
        rows.append((pair.a[0], pair.b[0], len(pair.a), len(pair.b), pair.label))
    return sorted(rows)


def assert_exactly_the_original(
    lengths: Lengths, objective: PretrainingObjective, seed: int, epoch: int
) -> None:
    expected = rows_of_original(lengths, objective, CounterDraws(seed, epoch))
    # As many as the walk gives: nothing is cut and nobody is visited again.
    plan = make_plan(split_of(lengths), objective, seed, epoch, num_examples=len(expected))
    assert rows_of(plan) == expected


CORPORA: dict[str, Lengths] = {
    "ordinary": [[5, 8, 3, 9, 4, 7, 6]] * 20,
    "one sentence a document": [[10], [30], [3], [21]] * 5,
    "one token a sentence": [[1] * 50, [1] * 7, [1]] * 3,
    "sentences longer than a row": [[200, 5, 90, 1, 300], [64, 65, 500], [2000, 3000]],
    "one long document among short ones": [[4], [6, 2], [7, 3, 5] * 300, [9, 9, 9], [5]],
    "empty documents and sentences": [[], [0, 4, 0, 7, 9], [0], [3, 0, 0, 8], [], [11, 0]],
}


@pytest.mark.parametrize("lengths", CORPORA.values(), ids=CORPORA.keys())
@pytest.mark.parametrize("short_seq_prob", [0.0, 0.1, 1.0])
def test_with_the_same_draws_a_plan_is_exactly_the_sequential_walk(
    lengths: Lengths, short_seq_prob: float
) -> None:
    for seed, epoch in ((0, 0), (3, 1), (2**62, 7)):
        objective = PretrainingObjective(24, 4, short_seq_prob=short_seq_prob)
        assert_exactly_the_original(lengths, objective, seed, epoch)


@settings(deadline=None)
@given(
    st.lists(st.lists(st.integers(0, 40), max_size=30), min_size=2, max_size=12),
    st.integers(5, 60),
    st.integers(0, 2**63 - 1),
    st.integers(0, 5),
)
def test_any_small_corpus_is_walked_exactly_as_sequentially(
    lengths: Lengths, max_length: int, seed: int, epoch: int
) -> None:
    objective = PretrainingObjective(max_length, 1, short_seq_prob=0.3)
    if sum(map(any, lengths)) < 2:
        with pytest.raises(DataError, match="at least two documents"):
            make_plan(split_of(lengths), objective, seed, epoch)
    else:
        assert_exactly_the_original(lengths, objective, seed, epoch)


def test_pieces_of_any_size_give_the_same_plan(monkeypatch: pytest.MonkeyPatch) -> None:
    split = random_split(0, documents=60)
    expected = rows_of(make_plan(split, SMALL, seed=1, epoch=2))
    for piece in (1, 7, 100):
        monkeypatch.setattr(document_walk, "_PIECE", piece)
        assert rows_of(make_plan(split, SMALL, seed=1, epoch=2)) == expected


@pytest.mark.parametrize("steps", [2, 3, 9, 64])
def test_however_many_sentences_are_counted_together_the_plan_is_the_same(
    monkeypatch: pytest.MonkeyPatch, steps: int
) -> None:
    # Chunks of more sentences than that, and documents of fewer.
    lengths = [[1] * 300, [5, 2, 40, 1], [2] * 90, [30] * 50, [1] * 7] * 2
    monkeypatch.setattr(document_walk, "_STEPS", steps)
    assert_exactly_the_original(lengths, PretrainingObjective(128, 4), seed=3, epoch=1)


def test_a_sequential_generator_gives_the_same_distribution() -> None:
    # Nothing shared but the rules: numbers of examples, labels and lengths over several seeds.
    split = random_split(0, documents=300, sentences=(1, 30), tokens=(1, 25))
    objective = PretrainingObjective(64, 10, short_seq_prob=0.1)
    lengths = [
        np.diff(split.sentence_offsets)[lo:hi].tolist()
        for lo, hi in zip(split.document_offsets[:-1], split.document_offsets[1:], strict=True)
    ]
    runs = 8
    theirs = [rows_of_original(lengths, objective, SequentialDraws(seed)) for seed in range(runs)]
    walks = [
        [piece.examples() for piece in walk_of(split, objective, seed)] for seed in range(runs)
    ]
    ours = [np.concatenate(walk) for walk in walks]
    p = stats.ttest_ind([*map(len, theirs)], [*map(len, ours)], equal_var=False).pvalue
    assert p > CHANCE
    # Examples of one visit depend on each other a little: hence one in three of them.
    for field, place in (("a_length", 2), ("b_length", 3), ("label", 4)):
        one = np.array([row[place] for walk in theirs for row in walk[::3]])
        other = np.concatenate([walk[field][::3] for walk in ours])
        assert stats.ks_2samp(one, other).pvalue > CHANCE, field


def walk_of(split: Split, objective: PretrainingObjective, seed: int, epoch: int = 0):
    corpus = Corpus.of(split)
    return list(walk(corpus, objective, seed, epoch, visit=0, first_sentence=0))


class Walked:
    """More than 100,000 examples with what the plan does not keep: sizes and targets."""

    def __init__(self) -> None:
        self.split = random_split(1, documents=40_000, sentences=(1, 20), tokens=(4, 30))
        self.objective = PretrainingObjective()
        chunks = walk_of(self.split, self.objective, seed=11)
        drawn = [piece.drawn() for piece in chunks]
        self.first = np.concatenate([piece.first for piece in chunks])
        self.size, a_end, self.is_random, self.target, self.document = map(
            np.concatenate, zip(*drawn, strict=True)
        )
        self.a_size = np.searchsorted(self.split.sentence_offsets, a_end) - self.first
        self.examples = np.concatenate([piece.examples() for piece in chunks])


@pytest.fixture(scope="module")
def walked() -> Walked:
    walk = Walked()
    assert len(walk.examples) >= 100_000
    return walk


def test_half_of_the_chunks_of_several_sentences_get_a_random_partner(walked: Walked) -> None:
    labels = walked.examples["label"][walked.size >= 2]
    assert_share(labels.sum(), len(labels), 0.5)


def test_a_chunk_of_one_sentence_always_gets_a_random_partner(walked: Walked) -> None:
    single = walked.size == 1
    assert single.sum() > 1000
    assert walked.examples["label"][single].all()


@pytest.mark.parametrize("size", [3, 5, 8])
def test_where_a_chunk_is_split_is_uniform(walked: Walked, size: int) -> None:
    a_size = walked.a_size[walked.size == size]
    assert len(a_size) > 5000
    assert set(a_size.tolist()) == set(range(1, size))
    assert_uniform(np.bincount(a_size)[1:])


def test_the_split_and_the_label_are_independent(walked: Walked) -> None:
    rows = walked.size == 4
    table = np.zeros((3, 2))
    np.add.at(table, (walked.a_size[rows] - 1, walked.is_random[rows].astype(int)), 1)
    assert stats.chi2_contingency(table).pvalue > CHANCE


def test_one_visit_in_ten_aims_at_a_shorter_length_uniform_from_2(walked: Walked) -> None:
    _, first = np.unique(walked.document, return_index=True)
    target = walked.target[first]  # one a visit
    longest = walked.objective.max_tokens
    assert len(target) == walked.split.num_documents
    # A short target is the longest one itself once in longest - 1 times.
    assert_share((target < longest).sum(), len(target), 0.1 * (longest - 2) / (longest - 1))
    assert_uniform(np.bincount(target[target < longest], minlength=longest)[2:])


def test_a_visit_keeps_its_target(walked: Walked) -> None:
    low = np.full(walked.split.num_documents, 10**9)
    high = np.zeros(walked.split.num_documents)
    np.minimum.at(low, walked.document, walked.target)
    np.maximum.at(high, walked.document, walked.target)
    assert (low == high).all()


def test_the_second_part_of_a_true_pair_continues_the_first(walked: Walked) -> None:
    offsets = walked.split.sentence_offsets
    rows = walked.examples["label"] == 0
    example = walked.examples[rows]
    first, a_size, size = walked.first[rows], walked.a_size[rows], walked.size[rows]
    a_end = example["a_start"] + example["a_length"].astype(int)
    b_end = example["b_start"] + example["b_length"].astype(int)
    seam = offsets[first + a_size]
    assert (offsets[first] <= example["a_start"]).all()
    assert (a_end <= seam).all()
    assert (seam <= example["b_start"]).all()
    assert (b_end <= offsets[first + size]).all()
    untouched = example["a_length"] + example["b_length"].astype(int) < walked.objective.max_tokens
    assert untouched.sum() > 1000
    assert (example["b_start"] == a_end)[untouched].all()
    assert (
        documents_of(walked.split, example["a_start"]) == documents_of(walked.split, b_end - 1)
    ).all()


def test_a_random_partner_is_uniform_over_the_other_documents() -> None:
    # Documents of very different lengths: a partner drawn by length would show at once.
    lengths = [[6] * (1 if document % 2 else 40) for document in range(30)]
    counts = np.zeros((30, 30), int)
    for seed in range(250):
        for chunk in walk_of(split_of(lengths), SMALL, seed):
            examples = chunk.examples()
            rows = examples["label"] == 1
            partner = documents_of(split_of(lengths), examples["b_start"][rows])
            np.add.at(counts, (chunk.drawn().document[rows], partner), 1)
    assert counts.sum() > 20_000
    assert (np.diag(counts) == 0).all()
    shares = (counts.sum(axis=1)[:, None] * (1 - np.eye(30)) / 29).sum(axis=0)
    p = stats.chisquare(counts.sum(axis=0), shares).pvalue
    assert p > CHANCE


def test_a_random_partner_starts_at_a_uniform_sentence() -> None:
    lengths = [[1], [9, 9, 9, 9, 9]]  # the partner of the first document is in the second
    objective = PretrainingObjective(8, 1, short_seq_prob=0.0)
    starts: Counter[int] = Counter()
    for seed in range(3000):
        chunk = walk_of(split_of(lengths), objective, seed)[0]
        starts[int(chunk.examples()["b_start"][0] - 1) // 9] += 1
    assert_uniform(np.array([starts[sentence] for sentence in range(5)]))


def test_a_random_partner_stops_at_the_target_or_at_its_documents_end(walked: Walked) -> None:
    # Seen where nothing is cut off: short targets.
    offsets = walked.split.sentence_offsets
    rows = np.flatnonzero((walked.examples["label"] == 1) & (walked.target < 60))
    example = walked.examples[rows]
    a_length = offsets[walked.first[rows] + walked.a_size[rows]] - offsets[walked.first[rows]]
    b_length = example["b_length"].astype(int)
    whole = a_length + b_length < walked.objective.max_tokens
    end = example["b_start"] + b_length
    stop = np.searchsorted(offsets, end)
    last_sentence = offsets[stop] - offsets[stop - 1]
    wanted = walked.target[rows] - a_length
    assert whole.sum() > 1000
    assert (offsets[stop] == end)[whole].all()
    one = np.searchsorted(offsets, example["b_start"]) + 1 == stop
    assert (one | (b_length - last_sentence < wanted))[whole].all()
    at_end = np.isin(stop, walked.split.document_offsets)
    assert ((b_length >= wanted) | at_end)[whole].all()


def test_tokens_that_do_not_fit_go_from_either_end_alike(walked: Walked) -> None:
    offsets = walked.split.sentence_offsets
    a_start, a_end = offsets[walked.first], offsets[walked.first + walked.a_size]
    front = walked.examples["a_start"] - a_start
    dropped = a_end - a_start - walked.examples["a_length"]
    assert dropped.sum() > 100_000
    assert_share(front.sum(), dropped.sum(), 0.5)
    rows = walked.examples["label"] == 0
    b_length = offsets[walked.first + walked.size] - a_end
    front = (walked.examples["b_start"] - a_end)[rows]
    dropped = (b_length - walked.examples["b_length"])[rows]
    assert dropped.sum() > 100_000
    assert_share(front.sum(), dropped.sum(), 0.5)


@given(st.integers(1, 300), st.integers(1, 300), st.integers(2, 200))
def test_the_longer_part_loses_a_token_until_both_fit(a: int, b: int, longest: int) -> None:
    x, y = a, b
    while x + y > longest:
        if x > y:
            x -= 1
        else:
            y -= 1
    a_drop, b_drop = document_walk._excess(np.array([a]), np.array([b]), longest)
    assert (a - a_drop[0], b - b_drop[0]) == (x, y)

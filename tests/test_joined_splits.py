import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from splits import random_split

from data_pipeline.assembly import Sequences, document_ends
from data_pipeline.joined_splits import JoinedSplits
from data_pipeline.plans.document_walk import EXAMPLE

SPLITS = [random_split(seed, documents) for seed, documents in ((0, 9), (1, 1), (2, 20))]
JOINED = JoinedSplits(SPLITS)
ALL = np.concatenate([split.tokens for split in SPLITS])


@settings(max_examples=50)
@given(st.lists(st.integers(0, len(ALL) - 1), min_size=1, max_size=30))
def test_tokens_are_those_of_all_splits_one_after_the_other(second: list[int]) -> None:
    places = np.array(second)[:, None] + np.arange(-1, 4)
    store = np.searchsorted(JOINED.starts, second, side="right")[:, None]
    inside = np.searchsorted(JOINED.starts, places, side="right") == store
    inside &= (places >= 0) & (places < len(ALL))
    found = JOINED.gather(places)
    assert found.dtype == np.int32
    assert inside.any(axis=1).all()
    assert (found == ALL.take(places, mode="clip"))[inside].all()


def test_documents_end_where_they_do_in_their_splits() -> None:
    ends = JOINED.document_ends()
    assert len(ends) == sum(len(document_ends(split)) for split in SPLITS) == 30
    assert (np.diff(ends) > 0).all()
    assert ends[-1] == len(ALL)
    assert ends[:9].tolist() == document_ends(SPLITS[0]).tolist()


def test_no_example_has_the_place_or_the_number_of_one_of_another_split() -> None:
    examples = np.zeros(2, EXAMPLE)
    examples["a_start"], examples["b_start"] = (0, 5), (3, 8)
    own = Sequences(examples, np.array([0, 10**14]), np.arange(2))
    found = [JOINED.sequences(store, own) for store in range(3)]
    for store, sequences in enumerate(found):
        for name in ("a_start", "b_start"):
            assert (sequences.examples[name] - examples[name] == JOINED.starts[store]).all()
    assert len({int(number) for sequences in found for number in sequences.numbers}) == 6
    assert examples["a_start"].tolist() == [0, 5]

import numpy as np

from data_pipeline.doctor.near_duplicates import near_duplicates
from data_pipeline.store.token_store import Split


def split_of(documents):
    """Each document, a list of ids, is one sentence."""
    offsets = np.concatenate([[0], np.cumsum([len(ids) for ids in documents])])
    tokens = np.concatenate(documents).astype(np.uint16)
    return Split(tokens, offsets, np.arange(len(documents) + 1))


def documents_of(number, length=60):
    return list(np.random.default_rng(0).integers(5, 30_000, (number, length)))


def test_copies_and_near_copies_count_and_documents_of_their_own_do_not():
    documents = documents_of(50)
    near = [ids.copy() for ids in documents[:10]]
    for ids in near:
        ids[::12] = 7
    found = near_duplicates(split_of([*documents, *near, *documents[:15]]))
    assert (found.documents, found.share) == (75, 25 / 75)
    assert near_duplicates(split_of(documents)).share == 0
    assert near_duplicates(split_of([[6]])).share == 0


def test_of_many_documents_stretches_from_all_over_are_compared_by_their_beginnings():
    documents = [ids for ids in documents_of(512) for _ in range(2)]
    found = near_duplicates(split_of(documents), most_documents=128, most_tokens=128 * 40)
    assert (found.documents, found.tokens, found.share) == (128, 40, 0.5)

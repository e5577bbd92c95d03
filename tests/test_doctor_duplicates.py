"""What comes more than once, found without comparing texts."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_pipeline.doctor import duplicates
from data_pipeline.doctor.duplicates import Repeated, duplicate_sentences_and_documents
from data_pipeline.store.token_store import Split

SENTENCES = st.lists(st.integers(5, 7), min_size=1, max_size=3).map(tuple)


def decode(ids: list[int]) -> str:
    return " ".join(map(str, ids))


def split_from(documents: list[list[tuple[int, ...]]]) -> Split:
    sentences = [sentence for document in documents for sentence in document]
    return Split(
        np.array([token for sentence in sentences for token in sentence], np.uint16),
        np.concatenate(([0], np.cumsum([len(s) for s in sentences]))).astype(np.int64),
        np.concatenate(([0], np.cumsum([len(d) for d in documents]))).astype(np.int64),
    )


@pytest.mark.parametrize("piece", [1 << 20, 2])
@settings(deadline=None)
@given(documents=st.lists(st.lists(SENTENCES, min_size=1, max_size=4), min_size=1, max_size=20))
def test_shares_are_those_of_counting(documents: list[list[tuple[int, ...]]], piece: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(duplicates, "_PIECE_TOKENS", piece)
        found = duplicate_sentences_and_documents(split_from(documents), decode)
    tokens = sum(len(s) for d in documents for s in d)
    for result, texts in zip(
        found, ([s for d in documents for s in d], [tuple(d) for d in documents]), strict=True
    ):
        counts = Counter(texts)
        assert result.count == len(texts)
        assert result.share == pytest.approx(1 - len(counts) / len(texts))
        sizes = {t: len(t) if isinstance(t[0], int) else sum(map(len, t)) for t in counts}
        repeated = sum((n - 1) * sizes[text] for text, n in counts.items())
        assert result.token_share == pytest.approx(repeated / tokens)
        top = [n for _, n in counts.most_common(5) if n > 1]
        assert [r.count for r in result.commonest] == top


def test_the_commonest_are_named_by_their_text_and_cut_where_they_are_long() -> None:
    long = tuple(range(100, 160))
    sentences, documents = duplicate_sentences_and_documents(
        split_from([[(5, 6)], [(5, 6), (7,)], [(5, 6)], [long], [long]]), decode
    )
    assert sentences.commonest[0] == Repeated("5 6", 3)
    assert sentences.commonest[1] == Repeated(f"{decode([*long[:40]])} …", 2)
    assert [r.count for r in documents.commonest] == [2, 2]


def test_the_same_tokens_in_other_sentences_are_another_document() -> None:
    split = split_from([[(5, 6), (7,)], [(5,), (6, 7)]])
    _, documents = duplicate_sentences_and_documents(split, decode)
    assert documents.share == 0

from typing import Any

import numpy as np
import pytest

from data_pipeline.errors import DataError
from data_pipeline.tokenization.special_ids import SpecialIds

CONTINUES = np.arange(9) > 5


class _Tokenizer:
    pad_id, cls_id, sep_id, mask_id, vocab_size = 0, 1, 2, 3, 9
    continues_word = CONTINUES


def test_the_special_ids_are_the_tokenisers() -> None:
    ids = SpecialIds.of(_Tokenizer())
    assert ids == SpecialIds(0, 1, 2, 3, 9)
    assert ids.continues_word is CONTINUES


@pytest.mark.parametrize("ids", [(0, 1, 1, 3, 9), (0, 1, 2, 9, 9), (-1, 1, 2, 3, 9)])
def test_special_ids_that_cannot_be_are_an_error(ids: tuple[int, ...]) -> None:
    with pytest.raises(DataError, match="four different ids"):
        SpecialIds(*ids)


@pytest.mark.parametrize(
    ("continues", "said"),
    [
        (CONTINUES[1:], r"a bool for each of the 9 ids; got bool of shape \(8,\)"),
        (CONTINUES.astype(int), "got int64 of shape"),
        (~CONTINUES, r"must be false for \[PAD\].*got \[True, True, True, True\]"),
    ],
)
def test_a_table_of_continuing_ids_that_cannot_be_is_an_error(continues: Any, said: str) -> None:
    with pytest.raises(DataError, match=said):
        SpecialIds(0, 1, 2, 3, 9, continues)

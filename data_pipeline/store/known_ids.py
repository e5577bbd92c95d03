"""Whether a store's ids are of its vocabulary: what its sizes and counts cannot tell."""

from __future__ import annotations

from pathlib import Path

from data_pipeline.baselines import counted_pieces
from data_pipeline.errors import DataError
from data_pipeline.store.token_store import SPLITS, TokenStore


def check_ids(store: TokenStore) -> None:
    """DataError where a token is beyond the vocabulary, as on a disk that lost some.

    Looks at the tokens that baselines count: 50 million at most, spread evenly over each split.
    """
    vocab_size = store.manifest["tokenizer"]["vocab_size"]
    for split in SPLITS:
        for piece in counted_pieces(getattr(store, split).tokens):
            check_known(store.path, int(piece.max()), vocab_size)


def check_known(path: Path, highest: int, vocab_size: int) -> None:
    """DataError where the highest id of some tokens of the store at `path` is none of its own."""
    if highest >= vocab_size:
        raise DataError(
            f"{path}: the token store holds the id {highest:,}, and its vocabulary has "
            f"{vocab_size:,} tokens: its files were changed since they were written; "
            f"`bert-jax inspect {path} --verify` names the file"
        )

"""The token store: a corpus as token ids on disk, memory-mapped.

    STORE/manifest.json      format, counts, checksums, sources, fingerprints
    STORE/tokenizer/         the tokeniser that made the ids
    STORE/{train,eval}/      tokens.npy             uint16 or uint32 [tokens]
                             sentence_offsets.npy   int64 [sentences + 1] into the tokens
                             document_offsets.npy   int64 [documents + 1] into the sentences

Each token is stored once; which sentences meet in an example, and what is masked, is drawn later.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from data_pipeline.errors import DataError


@dataclass(frozen=True, eq=False)
class Split:
    """The documents of one split, as three flat arrays.

    Sentence s is `tokens[sentence_offsets[s]:sentence_offsets[s + 1]]`; document d holds the
    sentences `document_offsets[d]` up to `document_offsets[d + 1]`. No sentence and no document
    is empty.
    """

    tokens: npt.NDArray[np.unsignedinteger]
    sentence_offsets: npt.NDArray[np.int64]
    document_offsets: npt.NDArray[np.int64]
    fingerprint: str = ""

    def __post_init__(self) -> None:
        for name, offsets, length in (
            ("sentence_offsets", self.sentence_offsets, len(self.tokens)),
            ("document_offsets", self.document_offsets, len(self.sentence_offsets) - 1),
        ):
            if len(offsets) < 1 or offsets[0] != 0 or offsets[-1] != length:
                raise DataError(
                    f"{name} must start at 0 and end at {length}; got {len(offsets)} values"
                    + (f" from {offsets[0]} to {offsets[-1]}" if len(offsets) else "")
                )

    @property
    def num_tokens(self) -> int:
        return len(self.tokens)

    @property
    def num_sentences(self) -> int:
        return len(self.sentence_offsets) - 1

    @property
    def num_documents(self) -> int:
        return len(self.document_offsets) - 1

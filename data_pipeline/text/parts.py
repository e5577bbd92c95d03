"""Large texts a part at a time: what is made of a text takes many times its own memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

# In characters. Several units of ordinary documents are one part.
PART = 1 << 22


def parts_of(texts: Sequence[str], most: int | None = None) -> Iterator[Sequence[str]]:
    """Texts in their order, in parts of at most `most` (`PART`) characters, or of a single text.

    At least one part, which is empty where there is no text.
    """
    most = PART if most is None else most
    if sum(map(len, texts)) <= most:
        yield texts
        return
    part: list[str] = []
    size = 0
    for text in texts:
        if part and size + len(text) > most:
            yield part
            part, size = [], 0
        part.append(text)
        size += len(text)
    yield part

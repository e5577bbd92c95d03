"""Tables and paragraphs of plain text, for a terminal."""

from collections.abc import Iterable, Sequence

from bert_jax.wrapping import wrap

# Columns of words, aligned to the left.
_LEFT = {
    *("split", "name", "version", "licence", "", "word", "pieces", "sentence"),
    *("dropped", "the first", "words split most", "type and shape"),
}


def text_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Columns two apart; all but those of words are aligned to the right."""
    table = [head, *rows]
    widths = [max(len(row[i]) for row in table) for i in range(len(head))]
    return [
        "  "
        + "  ".join(
            cell.ljust(width) if head[i] in _LEFT else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in table
    ]


def wrapped(text: str, width: int, indent: str = "") -> list[str]:
    """A paragraph in lines of at most `width` columns, all but the first further in."""
    return wrap(text, width, indent, indent + "  ")

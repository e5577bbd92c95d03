"""Paragraphs in lines of so many columns, in which a Chinese character takes two."""

import re

from rich.cells import cell_len, chop_cells

_WORD = re.compile(r"(\s*)(\S+)")


def wrap(
    text: str, width: int, indent: str = "", hanging: str = "  ", *, break_words: bool = False
) -> list[str]:
    """A paragraph in lines of at most `width` columns of a terminal.

    Args:
      text: without line ends; white space between words of a line is kept.
      width: columns.
      indent: before the first line.
      hanging: before the others.
      break_words: whether a word that is too long for a line is cut. Otherwise it begins as far to
        the left as it must, and a file's name, say, may be longer than the line.
    """
    lines: list[str] = []
    line, empty = indent, True
    for gap, word in _WORD.findall(text):
        if empty:
            line += gap
        if not empty and cell_len(line + gap + word) <= width:
            line += gap + word
            continue
        pieces = [word]
        room = width - cell_len(line if empty else hanging)
        if cell_len(word) > room and break_words:
            pieces = chop_cells(word, max(2, room))
        for piece in pieces:
            if not empty:
                lines.append(line)
                line = hanging[: max(0, width - cell_len(piece))]
            line += piece
            empty = False
    return [*lines, line] if not empty else []

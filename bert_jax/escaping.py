"""Text of others, such as the labels and tokens of a model, as it can be shown in a terminal."""

# Spaces of other scripts, and what joins and parts letters: part of good text, and harmless.
_OF_TEXT = frozenset(
    [*map(chr, (0xA0, 0x1680, *range(0x2000, 0x200B), 0x202F, 0x205F, 0x3000)), "\u200c", "\u200d"]
)


def escaped(text: str) -> str:
    r"""The text on one line, with nothing in it that a terminal would obey: `\x1b`, `\n`."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def readable(text: str) -> str:
    """Like `escaped`, and leaves the spaces and joiners of every script as they are."""
    if text.isprintable():
        return text
    return "".join(c if c in _OF_TEXT else escaped(c) for c in text)

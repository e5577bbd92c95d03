"""Text of others, shown."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bert_jax.escaping import escaped, readable


@given(st.text())
def test_what_is_escaped_is_one_line_that_no_terminal_obeys(text):
    assert escaped(text).isprintable()
    left = {c for c in readable(text) if not c.isprintable()}
    assert all(c in "\u200c\u200d" or (c.isspace() and c not in "\r\n\t") for c in left)
    assert len(readable(text).splitlines()) <= 1


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\x1b[2Jb", r"a\x1b[2Jb"),
        ("a\r\nb\t\x9b\u2028", r"a\r\nb\t\x9b\u2028"),
        # What turns the order of letters round.
        ("\u202eabc", r"\u202eabc"),
        ("ä 中\u3000文 می\u200cخواهم 👩\u200d🔬", "ä 中\u3000文 می\u200cخواهم 👩\u200d🔬"),
    ],
)
def test_good_text_of_every_script_stays(text, shown):
    assert readable(text) == shown

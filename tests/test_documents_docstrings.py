import textwrap

import pytest

from data_pipeline.documents.docstrings import documents_of_source


def sentence(name: str, words: int) -> str:
    """A sentence of so many words that begins with a name."""
    return f"{name} is what this is all about" + ", and so on" * ((words - 7) // 3) + "."


def test_a_definition_with_enough_words_is_a_document_and_the_rest_of_the_file_is_one() -> None:
    source = textwrap.dedent(f'''
        """{sentence("Module", 10)}"""
        def short():
            """{sentence("Short", 10)}"""
        class Long:
            """{sentence("Long", 25)}"""
            def method(self):
                """{sentence("Method", 22)}"""
        def long():
            """{sentence("Function", 43)}"""
        if True:
            def another():
                """{sentence("Another", 43)}"""
    ''')
    found = documents_of_source(source.encode())
    assert [[paragraph.split()[0] for paragraph in document] for document in found] == [
        ["Module", "Short"],
        ["Long", "Method"],
        ["Function"],
        ["Another"],
    ]


def test_a_file_of_one_long_definition_has_no_empty_document() -> None:
    source = f'def f():\n    """{sentence("Function", 50)}"""\n'
    assert [len(document) for document in documents_of_source(source.encode())] == [1]


def test_docstrings_of_modules_classes_and_functions_come_in_the_order_of_the_source() -> None:
    source = b'''
"""This is the first of all of the docstrings."""
if True:
    class A:
        """This is the second of all of the docstrings."""
        x = """This is a string and it is not a docstring."""
        async def f(self):
            """This is the third of all of the docstrings."""
try:
    pass
except ImportError:
    def g():
        """This is the fourth of all of the docstrings."""
add_newdoc("module", "name", ("method", """
    This is the fifth of all of the docstrings.
    """))
'''
    assert documents_of_source(source) == [
        [
            f"This is the {n} of all of the docstrings."
            for n in ("first", "second", "third", "fourth", "fifth")
        ]
    ]


@pytest.mark.parametrize("source", [b'"""This is not closed.', b'def f(:\n  """x"""', b'"""\0"""'])
def test_a_file_that_cannot_be_parsed_has_no_prose(source: bytes) -> None:
    assert documents_of_source(source) == []


def test_nothing_is_run_and_no_warning_of_others_is_shown() -> None:
    source = b'"""A \\d is no escape, and that is not for us to say."""\nraise SystemExit\n'
    assert documents_of_source(source) == [["A \\d is no escape, and that is not for us to say."]]

"""Python source -> documents: what its docstrings say, without what is not prose.

Sources are parsed, never imported.
"""

from __future__ import annotations

import ast
import inspect
import warnings
from collections.abc import Iterator

from data_pipeline.documents.prose import prose_of_docstring

# A class or function with fewer words says too little for two chunks of text about one thing.
_FEWEST_OWN_WORDS = 40

_DEFINITIONS = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
_BODIES = ("body", "handlers", "orelse", "finalbody", "cases")


def documents_of_source(source: bytes) -> list[list[str]]:
    """The documents of a Python file, each a list of paragraphs in the order of the file.

    A function, or a class with its methods, is a document where it has 40 words or more. What is
    left over is one document with the module's own docstring, and comes first. A file that this
    Python cannot parse (a template, another version's syntax) has none.
    """
    if b'"""' not in source and b"'''" not in source:
        return []  # parsing is what takes the time
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of invalid escapes in somebody else's file
            tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError):
        return []
    common: list[str] = []
    own: list[list[str]] = []
    for is_definition, docstrings in _groups(tree):
        paragraphs = [p for text in docstrings for p in prose_of_docstring(text)]
        if is_definition and sum(len(p.split()) for p in paragraphs) >= _FEWEST_OWN_WORDS:
            own.append(paragraphs)
        else:
            common += paragraphs
    return [document for document in (common, *own) if document]


def _groups(tree: ast.Module) -> Iterator[tuple[bool, list[str]]]:
    """Docstrings that belong together, and whether to one definition of the module's level.

    In the order of the source; what a definition holds, at any depth, belongs to it.
    """
    yield False, _docstring(tree)
    stack: list[ast.AST] = list(reversed(tree.body))
    while stack:
        node = stack.pop()
        if isinstance(node, _DEFINITIONS):
            yield True, [text for inner in _within(node) for text in _docstring(inner)]
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            yield True, list(_added_docstrings(node.value))
        else:  # a definition under `if` or `try` is still the module's
            stack += reversed(_children(node))


def _within(definition: ast.AST) -> Iterator[ast.AST]:
    """A node and all below it, in the order of the source."""
    stack = [definition]
    while stack:
        node = stack.pop()
        yield node
        stack += reversed(_children(node))


def _children(node: ast.AST) -> list[ast.AST]:
    children: list[ast.AST] = []
    for name in _BODIES:
        inner = getattr(node, name, None)
        if isinstance(inner, list):  # a lambda's body is an expression
            children += inner
    return children


def _docstring(node: ast.AST) -> list[str]:
    if not isinstance(node, (ast.Module, *_DEFINITIONS)):
        return []
    docstring = ast.get_docstring(node)
    return [docstring] if docstring else []


def _added_docstrings(call: ast.Call) -> Iterator[str]:
    """The docstrings of compiled functions, which NumPy and SciPy give by add_newdoc(...)."""
    name = getattr(call.func, "id", getattr(call.func, "attr", ""))
    if name.endswith("add_newdoc"):
        for argument in call.args:
            for node in ast.walk(argument):
                if isinstance(node, ast.Constant) and isinstance(node.value, str):
                    yield inspect.cleandoc(node.value)

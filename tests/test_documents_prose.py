import pytest

from data_pipeline.documents.prose import is_prose, prose_of_docstring

NUMPY = """
Return the weighted mean of an array.

The mean is taken over the given axis, and
over all of them if there is none::

    total = sum(a * w)
    mean = total / sum(w)

.. versionadded:: 1.2
    A sentence inside of this directive is not kept at all.

.. note:: This is only a note about the :func:`~numpy.mean` of ``a``.

Parameters
----------
a : array_like
    The array to take the mean of.
axis : int, optional
    The axis to work on. If it is not given, then the array is flattened before the mean is taken.

Returns
-------
out : ndarray
    The mean of the array, with the axis removed.

See Also
--------
median : The value in the middle of all the values.

Notes
-----
The mean of nothing is not a number [1]_, and it is *never* an error.

=====  =====
one    two
=====  =====

Examples
--------
>>> mean([1, 2, 3])
2.0

References
----------
.. [1] A book in which all of this can be found.
"""

GOOGLE = """Splits a text into all of its words.

  mean(a, b=1) -> c

Args:
  text: The text to split. It may be empty, and if it is, then there are no words in it at all.
  sep (str): The separator.

Returns:
  A list of the words that are in the text.

Raises:
  ValueError: If there is no text to be split.

Note:
  The words are not sorted, and they keep their case.

* The first of the items in a list is a sentence.
* name: the second one only says what the name is for.

```python
This is inside of a fence and it is not kept.
```
"""

SPHINX = """
Opens the file for reading and for writing.

:param path: the path of the file to open
:returns: a file that is open
    and whose position is at the start
:rtype: file
"""


def test_numpy_docstrings_leave_their_prose() -> None:
    assert prose_of_docstring(NUMPY) == [
        "Return the weighted mean of an array.",
        "The mean is taken over the given axis, and over all of them if there is none:",
        "This is only a note about the mean of a.",
        "The mean of nothing is not a number, and it is never an error.",
        "The axis to work on. If it is not given, then the array is flattened before the mean is "
        "taken.",
    ]


def test_google_docstrings_leave_their_prose() -> None:
    assert prose_of_docstring(GOOGLE) == [
        "Splits a text into all of its words.",
        "The words are not sorted, and they keep their case.",
        "The first of the items in a list is a sentence.",
        "The text to split. It may be empty, and if it is, then there are no words in it at all.",
    ]


def test_sphinx_docstrings_leave_their_prose() -> None:
    assert prose_of_docstring(SPHINX) == ["Opens the file for reading and for writing."]


@pytest.mark.parametrize(
    "text",
    [
        "mean(a, axis=None, dtype=None) -> float",
        "a = b + c * (d - e) / f",
        "Short one.",
        ">>> the result of this is in the list",
        "x_1, x_2, y_1, y_2, z_1, z_2.",
        "numpy scipy matplotlib pandas jax flax optax.",
        "| a | table | of | the | cells | .",
        "where the sum is over all of the:",
        "",
    ],
)
def test_what_is_no_prose_is_dropped(text: str) -> None:
    assert not prose_of_docstring(text)


def test_only_a_summary_may_lack_its_full_stop() -> None:
    text = "Return the list of all names"
    assert is_prose(text, whole=False)
    assert not is_prose(text)
    assert prose_of_docstring(f"{text}\n\n{text}") == [text]


def test_markup_is_taken_off() -> None:
    text = (
        "The :class:`a.b.Thing` and the `text <https://example.com>`_ of **this** ``code`` are at "
        "[a page](http://example.com) of :ref:`the guide <guide>`, |here|."
    )
    assert prose_of_docstring(text) == [
        "The a.b.Thing and the text of this code are at a page of the guide, here."
    ]

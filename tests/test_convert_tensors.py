from pathlib import Path

import ml_dtypes
import numpy as np
import pytest

from bert_jax.convert.tensors import Malformed, byte_count, printable, read_limited


def test_bytes_are_counted_of_every_type_and_shape() -> None:
    assert byte_count((3, 5), np.dtype(np.float32)) == 60
    assert byte_count((3,), np.dtype(ml_dtypes.bfloat16)) == 6
    assert byte_count((), np.dtype(np.int64)) == 8
    assert byte_count((0, 7), np.dtype(np.int64)) == 0


@pytest.mark.parametrize("shape", [(-1,), (2**62, 2), (0, 2**62, 2**62), (1,) * 33, (2**10000,)])
def test_a_shape_that_no_array_has_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(Malformed, match=r"has the shape \["):
        byte_count(shape, np.dtype(np.float32))


def test_text_of_a_file_is_one_line_that_no_terminal_obeys() -> None:
    assert printable("bert/ä 中") == "bert/ä 中"
    assert printable("a\nb\x1b[2J\u2028\ud800") == r"a\nb\x1b[2J\u2028\ud800"
    assert len(printable("x" * 10_000)) == 120


def test_a_file_of_more_bytes_than_any_has_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "f"
    with path.open("wb") as file:
        file.truncate(2**40)
    with pytest.raises(Malformed, match="larger than any index"):
        read_limited(path, 100, "any index")
    path.write_bytes(b"x" * 100)
    assert read_limited(path, 100, "any index") == b"x" * 100

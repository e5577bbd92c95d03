import bz2
import gzip
import lzma
import sys
from pathlib import Path

import pytest
from documents import ignore
from hypothesis import given
from hypothesis import strategies as st

from data_pipeline.documents.compression import blocks, compression_of, without_suffix
from data_pipeline.errors import DataError

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd


def compress_zstd(data: bytes) -> bytes:
    """As the zstd command does, with a checksum."""
    return zstd.compress(data, options={zstd.CompressionParameter.checksum_flag: 1})


COMPRESS = {
    ".gz": gzip.compress,
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
    ".zst": compress_zstd,
}
NAMES = {".gz": "gzip", ".bz2": "bzip2", ".xz": "xz", ".zst": "zstd"}
TEXT = bytes(range(32, 127)) * 3000


def unpacked(path: Path) -> bytes:
    return b"".join(blocks(path, ignore, 1 << 20))


@pytest.mark.parametrize("suffix", COMPRESS)
def test_the_content_says_how_a_file_is_compressed(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(COMPRESS[suffix](TEXT))
    assert unpacked(path) == TEXT


@pytest.mark.parametrize("suffix", COMPRESS)
def test_several_compressed_streams_in_a_file_are_one_text(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    path.write_bytes(COMPRESS[suffix](TEXT) + COMPRESS[suffix](b"More."))
    assert unpacked(path) == TEXT + b"More."


@pytest.mark.parametrize("suffix", COMPRESS)
def test_a_file_that_ends_early_is_an_error_that_names_it(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    whole = COMPRESS[suffix](TEXT)
    for end in (len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:end])
        with pytest.raises(DataError, match=rf"a\{suffix}: damaged {NAMES[suffix]} file"):
            unpacked(path)


@pytest.mark.parametrize("suffix", COMPRESS)
def test_a_damaged_file_is_an_error_that_names_it(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    damaged = bytearray(COMPRESS[suffix](TEXT))
    damaged[len(damaged) // 2] ^= 0xFF
    path.write_bytes(bytes(damaged))
    with pytest.raises(DataError, match=rf"a\{suffix}: damaged {NAMES[suffix]} file") as caught:
        unpacked(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("suffix", COMPRESS)
def test_what_is_named_compressed_must_be(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"plain{suffix}"
    path.write_bytes(b"Plain text.")
    with pytest.raises(DataError, match=f"does not hold {NAMES[suffix]} data"):
        unpacked(path)


def test_an_empty_file_holds_nothing_whatever_its_name(tmp_path: Path) -> None:
    path = tmp_path / "a.gz"
    path.write_bytes(b"")
    assert unpacked(path) == b""


def test_a_zstd_file_may_begin_with_a_frame_to_be_skipped(tmp_path: Path) -> None:
    path = tmp_path / "a.zst"
    path.write_bytes(b"\x50\x2a\x4d\x18\x04\0\0\0meta" + zstd.compress(TEXT))
    assert compression_of(path, path.read_bytes()[:6]) == "zstd"
    assert unpacked(path) == TEXT


def test_a_zstd_file_may_have_any_window(tmp_path: Path) -> None:
    path = tmp_path / "a.zst"
    parameter = zstd.CompressionParameter
    options = {parameter.window_log: 28, parameter.enable_long_distance_matching: 1}
    packer = zstd.ZstdCompressor(options=options)
    path.write_bytes(packer.compress(TEXT) + packer.flush())
    assert unpacked(path) == TEXT


@pytest.mark.parametrize("suffix", ["", *COMPRESS])
def test_progress_counts_the_bytes_on_disk(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a.txt{suffix}"
    path.write_bytes(COMPRESS.get(suffix, bytes)(TEXT * 10))
    seen: list[int] = []
    for _ in blocks(path, seen.append, 1000):
        pass
    assert sum(seen) == path.stat().st_size


def test_a_file_that_cannot_be_opened_is_an_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"gone\.txt: cannot be read: No such file"):
        unpacked(tmp_path / "gone.txt")


@given(st.binary(max_size=8))
def test_what_begins_a_plain_file_is_no_error(start: bytes) -> None:
    assert compression_of(Path("a.txt"), start) in ("", *NAMES.values())


def test_a_name_loses_the_suffix_of_a_compressor_and_no_other() -> None:
    assert [without_suffix(name) for name in ("a.txt.gz", "a.zst", "a.txt", "b.gz.md")] == [
        *("a.txt", "a", "a.txt", "b.gz.md")
    ]

"""`bert-jax embed`: vectors of texts, printed or into a file, or how alike two texts are."""

import argparse
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from bert_jax.commands.output import print_json, print_line
from bert_jax.commands.texts import Item, have_text, in_portions, items_of, progress_of, read_texts
from bert_jax.errors import UserError

# Enough texts for batches of like length, few enough to be kept in memory.
PORTION = 4096
SUFFIXES = (".npy", ".parquet")
# What a person is shown of a vector.
_SHOWN = 4


def run(arguments: argparse.Namespace) -> None:
    """Print a line for each text, or write a file of vectors."""
    output = None if arguments.output is None else Path(arguments.output)
    _check(arguments, output)
    texts = have_text(read_texts(arguments.texts, arguments.file))
    from bert_jax import devices
    from bert_jax.inference.load import load

    devices.initialize(arguments.platform)
    model = load(arguments.model, cased=arguments.cased)
    how: dict[str, Any] = {
        name: getattr(arguments, name)
        for name in ("pooling", "normalize", "prompt_name", "prompt", "truncate")
    }
    for name in ("layers", "mix"):
        if getattr(arguments, name) is not None:
            how[name] = getattr(arguments, name)

    cut: list[int] = []

    def embed(texts: list[str]) -> np.ndarray:
        return model.embed(texts, **how, on_cut=cut.append)

    # What is wrong with how is said before a file is begun.
    width = embed([]).shape[1]
    items = items_of(texts, 2 if arguments.similarity else 1)
    alone = output is not None or not sys.stdout.isatty()
    with progress_of(arguments.file, "embed", PORTION, alone=alone) as advance:
        portions = in_portions(
            items,
            PORTION,
            lambda portion: embed([text for item in portion for text in item.parts]),
            advance,
        )
        if output is not None:
            _write(output, portions, width, arguments.json)
        elif arguments.similarity:
            _print_similarity(portions, arguments.json)
        else:
            _print_vectors(portions, arguments.json)
    if cut:
        texts_were = "text was" if sum(cut) == 1 else "texts were"
        print(f"{sum(cut):,} {texts_were} cut to {model.embed_limit} tokens", file=sys.stderr)


def _check(arguments: argparse.Namespace, output: Path | None) -> None:
    """A flag that would be ignored is an error, and so is a place where nothing can be written."""
    if output is not None:
        if arguments.similarity:
            raise UserError("--similarity prints how alike pairs are; leave --output out")
        if output.suffix not in SUFFIXES:
            raise UserError(f"--output {output} ends in neither {' nor '.join(SUFFIXES)}")
        if not output.parent.is_dir():
            raise UserError(f"--output {output}: there is no folder {output.parent}")
        if output.is_dir():
            raise UserError(f"--output {output} is a folder; name a file")


def _print_similarity(portions: Iterator[tuple[list[Item], np.ndarray]], as_json: bool) -> None:
    for portion, vectors in portions:
        for item, cosine in zip(portion, cosines(vectors[::2], vectors[1::2]), strict=True):
            first, second = item.parts
            if as_json:
                print_json({"first": first, "second": second, "cosine": float(cosine)})
            else:
                print_line(f"{cosine:7.4f}  {first} | {second}")


def cosines(firsts: np.ndarray, seconds: np.ndarray) -> np.ndarray:
    """[N] the cosine of each vector of [N, E] with its other; 0 where one has no length."""
    products = np.einsum("ne,ne->n", firsts, seconds)
    lengths = np.linalg.norm(firsts, axis=1) * np.linalg.norm(seconds, axis=1)
    return np.divide(products, lengths, out=np.zeros_like(products), where=lengths > 0)


def _print_vectors(portions: Iterator[tuple[list[Item], np.ndarray]], as_json: bool) -> None:
    for portion, vectors in portions:
        for item, vector in zip(portion, vectors, strict=True):
            if as_json:
                print_json({"text": item.parts[0], "vector": [float(x) for x in vector]})
            else:
                print_line(vector_line(item.parts[0], vector))


def vector_line(text: str, vector: np.ndarray) -> str:
    """For a person: the first numbers of a vector, how many there are, its length, and the text."""
    numbers = " ".join(f"{x:7.4f}" for x in vector[:_SHOWN])
    more = " ..." if len(vector) > _SHOWN else ""
    shown = text if len(text) <= 24 else f"{text[:21]}..."
    return f"{numbers}{more} ({len(vector)}; length {np.linalg.norm(vector):.4g})  {shown}"


def _write(
    output: Path, portions: Iterator[tuple[list[Item], np.ndarray]], width: int, as_json: bool
) -> None:
    from data_pipeline.atomic_file import write_atomically

    writer: Callable[..., int] = _write_npy if output.suffix == ".npy" else _write_parquet
    counts: list[int] = []
    write_atomically(output, lambda file: counts.append(writer(file, portions, width)))
    if as_json:
        print_json({"output": str(output), "vectors": counts[0], "size": width})
    else:
        plural = "s" if counts[0] != 1 else ""
        print(f"{counts[0]:,} vector{plural} of {width} numbers in {output}")


def _write_npy(
    file: BinaryIO, portions: Iterator[tuple[list[Item], np.ndarray]], width: int
) -> int:
    """[N, E] float32. The count is known at the end, and numpy's header has room for it."""
    count = 0

    def header() -> None:
        np.lib.format.write_array_header_1_0(
            file, {"descr": "<f4", "fortran_order": False, "shape": (count, width)}
        )

    header()
    begin = file.tell()
    for _, vectors in portions:
        file.write(np.ascontiguousarray(vectors, "<f4").tobytes())
        count += len(vectors)
    file.seek(0)
    header()
    assert file.tell() == begin
    return count


def _write_parquet(
    file: BinaryIO, portions: Iterator[tuple[list[Item], np.ndarray]], width: int
) -> int:
    """Columns `text` and `vector`, a list of `width` float32."""
    import pyarrow as pa
    from pyarrow import parquet

    schema = pa.schema([("text", pa.string()), ("vector", pa.list_(pa.float32(), width))])
    count = 0
    with parquet.ParquetWriter(file, schema) as writer:
        for portion, vectors in portions:
            flat: Any = pa.array(np.ascontiguousarray(vectors, np.float32).reshape(-1))
            columns = [
                pa.array([item.parts[0] for item in portion], pa.string()),
                pa.FixedSizeListArray.from_arrays(flat, width),
            ]
            writer.write_table(pa.Table.from_arrays(columns, schema=schema))
            count += len(portion)
    return count

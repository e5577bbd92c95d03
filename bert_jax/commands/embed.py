"""`bert-jax embed`: vectors of texts, printed or into a file, or how alike two texts are."""

import argparse
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from bert_jax.commands.output import print_json, print_line, print_nothing
from bert_jax.commands.text_lines import have_text, read_texts
from bert_jax.commands.text_progress import progress_of
from bert_jax.commands.texts import ONE, Item, Parts, each, first_read, in_portions, items_of
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
    texts = have_text(read_texts(arguments.texts, arguments.file), arguments.file)
    alike = arguments.similarity
    items = first_read(items_of(texts, Parts(2, 2) if alike else ONE, blank=not alike))
    from bert_jax import devices
    from bert_jax.inference.inputs import BadText
    from bert_jax.inference.load import load
    from bert_jax.inference.similarities import MEASURES

    devices.initialize(arguments.platform)
    model = load(arguments.model, cased=arguments.cased, encoder_will_do=True)
    how: dict[str, Any] = {
        name: getattr(arguments, name)
        for name in (
            *("pooling", "normalize", "prompt_name", "prompt", "truncate", "truncate_dim"),
        )
    }
    for name in ("layers", "mix"):
        if getattr(arguments, name) is not None:
            how[name] = getattr(arguments, name)

    measure = model.sentences.similarity or "cosine"
    cut: list[int] = []
    # What is wrong with how is said before a file is begun.
    width = model.embed([], **how).shape[1]
    count = 0
    alone = output is not None or not sys.stdout.isatty()
    with progress_of(arguments.file, "embed", alone=alone) as progress:

        def vectors_of(portion: list[Item]) -> np.ndarray:
            given = [item.parts[0] for item in portion]
            return model.embed(given, advance=progress.advance, on_cut=cut.append, **how)

        def likenesses_of(portion: list[Item]) -> np.ndarray:
            given = [text for item in portion for text in item.parts]
            try:
                vectors = model.embed(given, on_cut=cut.append, **how)
            except BadText as error:
                raise error.at(error.index // 2) from None
            return MEASURES[measure](vectors[::2], vectors[1::2])

        if alike:
            portions = in_portions(items, PORTION, likenesses_of, progress.begin, progress.advance)
        else:
            portions = in_portions(items, PORTION, vectors_of, progress.begin)
        if output is not None:
            count = _write(output, portions, width)
        elif arguments.similarity:
            _print_similarity(portions, measure, arguments.json)
        else:
            _print_vectors(portions, arguments.json)
    # When the bar is gone, which stands in the same terminal.
    if cut:
        texts_were = "text was" if sum(cut) == 1 else "texts were"
        print(f"{sum(cut):,} {texts_were} cut to {model.embed_limit} tokens", file=sys.stderr)
    if output is not None:
        _print_written(output, count, width, arguments.json)


def _check(arguments: argparse.Namespace, output: Path | None) -> None:
    """A flag that would be ignored is an error, and so is a place where nothing can be written."""
    if isinstance(arguments.mix, tuple):
        from bert_jax.inference.given import check_weights

        check_weights(arguments.mix, len(arguments.layers or "1"), "--mix")
    if output is not None:
        if arguments.similarity:
            raise UserError("--similarity prints how alike pairs are; leave --output out")
        if output.suffix not in SUFFIXES:
            raise UserError(f"--output {output} ends in neither {' nor '.join(SUFFIXES)}")
        if not output.parent.is_dir():
            raise UserError(f"--output {output}: there is no folder {output.parent}")
        if output.is_dir():
            raise UserError(f"--output {output} is a folder; name a file")
        if output.exists() or output.is_symlink():
            raise UserError(f"--output {output} is there; remove it, or name a new file")


def _print_similarity(
    portions: Iterator[tuple[list[Item], np.ndarray]], measure: str, as_json: bool
) -> None:
    for portion, found in portions:
        for item, likeness in each(portion, found):
            if likeness is None:
                print_nothing(as_json)
                continue
            first, second = item.parts
            if as_json:
                print_json({"first": first, "second": second, measure: float(likeness)})
            else:
                print_line(f"{likeness:7.4f}  {first} | {second}")


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


def _write(output: Path, portions: Iterator[tuple[list[Item], np.ndarray]], width: int) -> int:
    """How many vectors were written."""
    from data_pipeline.atomic_file import write_atomically

    writer: Callable[..., int] = _write_npy if output.suffix == ".npy" else _write_parquet
    counts: list[int] = []
    write_atomically(output, lambda file: counts.append(writer(file, portions, width)))
    return counts[0]


def _print_written(output: Path, count: int, width: int, as_json: bool) -> None:
    from data_pipeline.wording import amount

    if as_json:
        print_json({"output": str(output), "vectors": count, "size": width})
    else:
        print(f"{amount(count, 'vector')} of {amount(width, 'number')} in {output}")


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

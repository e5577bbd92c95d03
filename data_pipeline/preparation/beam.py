"""Preparation on Apache Beam, for a corpus that outgrows a machine.

Beam does what `preparation` does on the cores of one machine: the same function over the same
units, each of which becomes a file of the work folder, with the same bytes. Its runner decides
where. A stream (a file, say) is read by one worker, as a stream, and its units are then spread over
all: Beam's own reader of lines would lose the blank ones, which end documents.

The input and the output's folder must be on a file system that all workers see under one path.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from data_pipeline.documents import Source, Stream
from data_pipeline.errors import DataError
from data_pipeline.preparation.encoded_unit import UnitEncoder
from data_pipeline.preparation.job import StreamKey
from data_pipeline.preparation.work import (
    PendingUnit,
    Work,
    WorkOnUnit,
    pending_units_of,
    streams_of,
)
from data_pipeline.wording import amount


def encode_on_beam(
    work: Work, sources: Sequence[Source], encoder: UnitEncoder, options: Sequence[str] = ()
) -> None:
    """Does all that is left to do, by a Beam pipeline, and waits for its end.

    Args:
        work: whose folder all workers see.
        sources: of the work.
        encoder: unit -> ids.
        options: Beam's own, as on its command line: `--runner=DataflowRunner` and so on.

    Raises:
        DataError: Beam is not installed, an option is none of Beam's, a source cannot be read, or
            units are missing at the end.
    """
    beam = _beam()
    left = [(key, stream) for key, stream in streams_of(sources) if not work.is_finished(key)]
    if not left:
        return
    arguments = _options(options)
    try:
        with beam.Pipeline(options=arguments) as pipeline:
            (
                pipeline
                | "streams" >> beam.Create(left)
                | "spread streams" >> beam.Reshuffle()
                | "units" >> beam.FlatMap(_units, work)
                | "spread units" >> beam.Reshuffle()
                | "encode" >> beam.Map(WorkOnUnit(encoder))
            )
    except Exception as error:
        raise _plain(error) from error
    missing = [stream.name for key, stream in left if not work.is_finished(key)]
    if missing:
        raise DataError(
            f"{work.folder}: not finished there: {len(missing)} of {amount(len(left), 'file')} "
            f"({missing[0]}), though the pipeline is; is the folder on a file system that all "
            "workers see under this path?"
        )


def _units(keyed: tuple[StreamKey, Stream], work: Work) -> Iterator[PendingUnit]:
    key, stream = keyed
    return pending_units_of(work, StreamKey(*key), stream, lambda n: None, lambda: None)


def _beam() -> Any:
    try:
        import apache_beam
    except ImportError as error:
        raise DataError(
            "--runner beam needs Apache Beam, which is not installed; "
            "install it by: pip install 'bert-jax[beam]'"
        ) from error
    return apache_beam


def _options(options: Sequence[str]) -> Any:
    from apache_beam.options.pipeline_options import PipelineOptions

    known = PipelineOptions(list(options), save_main_session=False)
    unknown = _unknown(known, options)
    if unknown:
        raise DataError(f"Beam has no option {unknown[0]}; see the runner's documentation")
    return known


def _unknown(known: Any, options: Sequence[str]) -> list[str]:
    """Options that no class of Beam's takes; Beam itself only logs a warning."""
    import argparse

    from apache_beam.options.pipeline_options import PipelineOptions

    parser = argparse.ArgumentParser(allow_abbrev=False, add_help=False)
    for cls in PipelineOptions.__subclasses__():
        cls._add_argparse_args(parser)
    _, unknown = parser.parse_known_args(list(options))
    return [option for option in unknown if option.startswith("-")]


def _plain(error: BaseException) -> BaseException:
    """The DataError in a chain of Beam's wrapping, or the error itself."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, DataError):
            return cause
        cause = cause.__cause__ or cause.__context__
    return error

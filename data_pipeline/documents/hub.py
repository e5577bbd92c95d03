"""Data sets of the Hugging Face Hub as documents: the Parquet files of a repository.

`hf:datasets/OWNER/NAME[@REVISION][/CONFIG][?split=SPLIT]` names one. Files are fetched into
huggingface_hub's cache, one before it is read.
"""

from __future__ import annotations

import fnmatch
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from data_pipeline.documents import Lines, PlainSource, Unit
from data_pipeline.documents.lines import LinesOption
from data_pipeline.documents.parquet import parquet_texts
from data_pipeline.documents.records import record_source, record_units
from data_pipeline.errors import DataError

PREFIX = "hf:"
# Of revisions only the Hub's own have a slash in them, as in huggingface_hub's file system.
_SYNTAX = re.compile(
    r"hf:datasets/(?P<name>[\w.-]+/[\w.-]+)"
    r"(@(?P<revision>refs/convert/\w+|refs/pr/\d+|[\w.+-]+))?"
    r"(/(?P<config>[\w.+/-]+?))?/?(\?split=(?P<split>[\w.-]+))?"
)
_CONVERTED = "refs/convert/parquet"
_NUMBERED = re.compile(r"[-_.]?\d[\d_]*(-of-\d+)?(-[0-9a-f]+)?$")
_MOST_SHOWN = 12


@dataclass(frozen=True)
class HubStream:
    """A Parquet file of a repository; it is fetched when it is read.

    Attributes:
        given: the input as it was given.
        repository: OWNER/NAME.
        commit: the revision's commit.
        file: its path in the repository.
        bytes: its size.
        column: the column of the texts.
        lines: what a line of a text holds.
    """

    given: str
    repository: str
    commit: str
    file: str
    bytes: int
    column: str
    lines: Lines = "paragraph"

    @property
    def name(self) -> str:
        """Its path, with that of the repository."""
        return f"{PREFIX}datasets/{self.repository}/{self.file}"

    def size(self) -> int:
        """Its bytes."""
        return self.bytes

    def identity(self) -> dict[str, Any]:
        """The file and the commit."""
        return {"path": self.name, "bytes": self.bytes, "commit": self.commit}

    def units(self, advance: Callable[[int], None], counts: Counter[str]) -> Iterator[Unit]:
        """Units of about a mebibyte. DataError where it cannot be had, or as of Parquet files."""
        path = _fetch(self.given, self.repository, self.commit, self.file)
        yield from record_units(parquet_texts(path, self.column, advance), self.lines, counts)


def hub_source(name: str, column: str, lines: LinesOption, language: str) -> PlainSource:
    """The source that `hf:datasets/OWNER/NAME[@REVISION][/CONFIG][?split=SPLIT]` names.

    A configuration is one that the repository's card names, or a folder. Without a split it is
    "train", or the only one. With `lines` "auto", the first texts decide. DataError where the name
    is none, the Hub cannot be reached, or has no such files.
    """
    given = _SYNTAX.fullmatch(name)
    if given is None:
        raise DataError(
            f"{name}: is no name of a data set: hf:datasets/OWNER/NAME[@REVISION][/CONFIG]"
            "[?split=SPLIT] is one, such as hf:datasets/wikimedia/wikipedia/20231101.en"
        )
    info = _info(name, given["name"], given["revision"])
    sizes = {
        file.rfilename: file.size or 0
        for file in sorted(info.siblings or [], key=lambda file: file.rfilename)
        if file.rfilename.endswith(".parquet")
    }
    if not sizes:
        raise DataError(
            f"{name}: the repository holds no Parquet file; the Hub's own conversion may: "
            f"{PREFIX}datasets/{given['name']}@{_CONVERTED}"
        )
    card: Mapping[str, Any] = info.card_data.to_dict() if info.card_data else {}
    split, files = chosen_files(name, list(sizes), given["config"], given["split"], card)
    commit = info.sha or given["revision"] or "main"
    facts = {
        "kind": "hub",
        "name": given["name"],
        "revision": commit,
        "licence": _licence(card),
        "split": split,
        "text_key": column,
    }

    def streams(found: Lines) -> tuple[HubStream, ...]:
        repository = given["name"]
        return tuple(
            HubStream(name, repository, commit, file, sizes[file], column, found) for file in files
        )

    return record_source(name, streams, facts, lines, language)


def _info(name: str, repository: str, revision: str | None) -> Any:
    """What the Hub says of a repository, its files and their sizes with it."""
    from huggingface_hub import HfApi

    with _one_line(name):
        return HfApi().dataset_info(repository, revision=revision, files_metadata=True)


def _fetch(name: str, repository: str, commit: str, file: str) -> Path:
    """A file's place in the cache, after it was fetched if it has to be."""
    from huggingface_hub import hf_hub_download
    from huggingface_hub.utils.tqdm import disable_progress_bars

    disable_progress_bars()  # ours counts all files, and two bars write over each other
    with _one_line(name):
        return Path(hf_hub_download(repository, file, repo_type="dataset", revision=commit))


@contextmanager
def _one_line(name: str) -> Iterator[None]:
    """Turns what the Hub's client raises into the one line of a user's mistake."""
    from huggingface_hub import errors

    # What the client's own HTTP library raises is a base of its errors, whichever library it is.
    http = next(
        base
        for base in errors.HfHubHTTPError.__mro__
        if issubclass(base, Exception) and base.__name__ == "HTTPError"
    )
    try:
        yield
    except errors.GatedRepoError as error:
        raise DataError(
            f"{name}: its owner lets in only whom they know: ask on the Hub's page of it, then run "
            "`hf auth login`"
        ) from error
    except errors.RevisionNotFoundError as error:
        raise DataError(f"{name}: the repository has no such revision") from error
    except (errors.RepositoryNotFoundError, errors.HFValidationError) as error:
        raise DataError(
            f"{name}: the Hub has no such data set; if it is a private one, run `hf auth login`"
        ) from error
    except (http, errors.OfflineModeIsEnabled, errors.LocalEntryNotFoundError) as error:
        first = str(error).strip().partition("\n")[0] or type(error).__name__
        raise DataError(
            f"{name}: the Hugging Face Hub cannot be reached: {first}; without a network, give "
            "Parquet files of the data set that are on this machine"
        ) from error
    except OSError as error:  # the cache's disk is full, or may not be written
        raise DataError(f"{name}: cannot be fetched: {error}") from error


def chosen_files(
    name: str,
    files: Sequence[str],
    config: str | None,
    split: str | None,
    card: Mapping[str, Any],
) -> tuple[str, list[str]]:
    """Which of a repository's Parquet files a configuration and a split are made of.

    Args:
        name: the input as it was given, for errors.
        files: paths in the repository.
        config: a configuration that the card names, or a folder; None for the only or default one.
        split: its name; None for "train" or the only one.
        card: the metadata of the repository's README.md, for `configs` (Hub documentation, "Data
            files configuration").

    Returns:
        The split's name, and its files in the order given.

    Raises:
        DataError: where there is no such choice, or more than one.
    """
    configs = {c["config_name"]: c for c in card.get("configs") or () if c.get("data_files")}
    default = [key for key, c in configs.items() if c.get("default") or key == "default"]
    if config is None and configs:
        if len(configs) > 1 and not default:
            raise _name_one(name, "configuration", configs, "/CONFIG")
        config = default[0] if default else next(iter(configs))
    if config in configs:
        splits = _splits_of_card(files, configs[config]["data_files"])
    else:
        splits = _splits_of_names(_in_folder(name, files, config))
    if split is None and len(splits) == 1:
        split = next(iter(splits))
    if (split or "train") not in splits:
        raise _name_one(name, f"split {split or 'train'!r}", splits, "?split=SPLIT")
    return split or "train", splits[split or "train"]


def _splits_of_card(files: Sequence[str], data_files: Any) -> dict[str, list[str]]:
    """Split -> its files, as a card's `data_files` says: a pattern, several, or some a split."""
    if isinstance(data_files, str):
        data_files = [data_files]
    splits: dict[str, list[str]] = {}
    for entry in data_files:
        named = isinstance(entry, dict)
        patterns = entry["path"] if named else entry
        for pattern in [patterns] if isinstance(patterns, str) else patterns:
            some = splits.setdefault(entry["split"] if named else "train", [])
            some += [file for file in files if fnmatch.fnmatch(file, pattern)]
    return {split: sorted(set(some)) for split, some in splits.items() if some}


def _in_folder(name: str, files: Sequence[str], folder: str | None) -> list[str]:
    """The files of a folder; without one those of `data`, or of the only folder there is."""
    tops = sorted({PurePosixPath(file).parts[0] for file in files if "/" in file})
    if folder is None:
        if len(tops) > 1:
            raise _name_one(name, "configuration", tops, "/CONFIG")
        return list(files)
    some = [file for file in files if file.startswith(f"{folder}/")]
    if not some:
        raise _name_one(name, f"configuration {folder!r}", tops, "/CONFIG")
    return some


def _splits_of_names(files: Sequence[str]) -> dict[str, list[str]]:
    """Split -> its files: train-00000-of-00041.parquet, or train/0000.parquet."""
    splits: dict[str, list[str]] = {}
    for file in files:
        path = PurePosixPath(file)
        split = _NUMBERED.sub("", path.stem) or path.parent.name or path.stem
        splits.setdefault(split, []).append(file)
    return splits


def _name_one(name: str, what: str, there: Iterable[str], how: str) -> DataError:
    some = sorted(there)
    shown = ", ".join(some[:_MOST_SHOWN]) + (", ..." if len(some) > _MOST_SHOWN else "")
    if " " in what:
        return DataError(f"{name}: has no {what}, but {shown or 'none'}; name one by {how}")
    return DataError(f"{name}: has more than one {what}: {shown}; name one by {how}")


def _licence(card: Mapping[str, Any]) -> str | None:
    licence = card.get("license")
    return ", ".join(licence) if isinstance(licence, list) else licence

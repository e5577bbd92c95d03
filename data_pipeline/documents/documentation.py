"""The documentation of installed packages as documents: what a class, a function or a file says.

Whole packages are held out for evaluation: files of one package repeat each other's sentences far
more than those of two.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data_pipeline.documents import Parsed, Place, SplitName, Unit
from data_pipeline.documents.docstrings import documents_of_source
from data_pipeline.documents.packages import Package, runtime_packages, standard_library
from data_pipeline.documents.text import parse_text
from data_pipeline.errors import DataError
from data_pipeline.progress import Progress, silent
from data_pipeline.wording import amount
from data_pipeline.workers import checked_workers, ordered_map

DISTRIBUTION = "bert-jax"
# Counts up whenever the rules below, of docstrings.py or of prose.py change: another corpus then.
RULES_VERSION = 2
_STDLIB = "python"
# A shorter document has no two sentences to speak of.
_FEWEST_WORDS = 20
# Packages are held out until they make up this share of the words...
_EVAL_SHARE = 0.08
# ... and are at least so many, each with something to say. None may be so large that the result is
# about one package, and together they must leave the training split its words.
_FEWEST_EVAL_PACKAGES = 4
_FEWEST_EVAL_WORDS = 1000
_LARGEST_EVAL_PACKAGE = 0.05
_LARGEST_EVAL_SHARE = 0.1
_FILES_A_UNIT = 32
_DOCUMENTS_A_UNIT = 128


@dataclass(frozen=True)
class Document:
    """The prose of a part of a source file, a paragraph an entry."""

    package: str
    file: str
    paragraphs: tuple[str, ...]

    @property
    def words(self) -> int:
        """The number of words."""
        return sum(paragraph.count(" ") + 1 for paragraph in self.paragraphs)


@dataclass(frozen=True)
class DocumentationStream:
    """The documents of one split, as UTF-8 text."""

    split: SplitName
    texts: tuple[bytes, ...]

    @property
    def name(self) -> str:
        """The split's."""
        return self.split

    def size(self) -> int:
        """The bytes of text."""
        return sum(map(len, self.texts))

    def identity(self) -> dict[str, Any]:
        """Fingerprint of the text."""
        digest = hashlib.sha256(b"\n\n".join(self.texts))
        return {"split": self.split, "sha256": digest.hexdigest()}

    def units(self, advance: Callable[[int], None], counts: Counter[str]) -> Iterator[Unit]:
        """Units of a few hundred documents."""
        for start in range(0, len(self.texts), _DOCUMENTS_A_UNIT):
            part = self.texts[start : start + _DOCUMENTS_A_UNIT]
            counts["bytes"] += sum(map(len, part))
            content, first = b"\n\n".join(part), Place("document", start + 1)
            yield Unit(content, parse_documents, "paragraph", self.split, first)
            advance(sum(map(len, part)))


def parse_documents(content: bytes) -> Parsed:
    """The documents of a unit; where each stands is its number, not a line of a file."""
    return parse_text(content)._replace(places=None)


@dataclass(frozen=True)
class DocumentationSource:
    """The documents of some packages, and which packages are held out."""

    packages: tuple[Package, ...]
    documents: tuple[Document, ...]
    held_out: frozenset[str]

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the text and of the split; the same wherever the packages are installed."""
        digest = hashlib.sha256()
        for document in self.documents:
            text = json.dumps([document.package, document.file, document.paragraphs])
            digest.update(text.encode())
        digest.update(json.dumps(sorted(self.held_out)).encode())
        return digest.hexdigest()

    @property
    def name(self) -> str:
        """What it is."""
        return "documentation of installed packages"

    @property
    def streams(self) -> tuple[DocumentationStream, ...]:
        """The training split's documents, then the held-out ones."""
        splits: tuple[SplitName, ...] = ("train", "eval")
        return tuple(
            DocumentationStream(
                split, tuple(_text(d) for d in self.documents if self.split_of(d) == split)
            )
            for split in splits
        )

    def split_of(self, document: Document) -> SplitName:
        """The split that a document belongs to, by its package."""
        return "eval" if document.package in self.held_out else "train"

    def describe(self) -> dict[str, Any]:
        """Fingerprint, and each package with version, licence, split and words."""
        words = _words(self.documents)
        return {
            "kind": "documentation",
            "fingerprint": self.fingerprint,
            "rules_version": RULES_VERSION,
            "words": sum(words.values()),
            "packages": [
                {
                    "name": package.name,
                    "version": package.version,
                    "licence": package.licence,
                    "split": "eval" if package.name in self.held_out else "train",
                    "words": words[package.name],
                }
                for package in self.packages
                if words.get(package.name)
            ],
        }


def installed_packages(distribution: str = DISTRIBUTION) -> tuple[Package, ...]:
    """The standard library, and what `distribution` needs at run time, in a fixed order."""
    return (standard_library(), *runtime_packages(distribution))


def read_documentation(
    packages: Sequence[Package], *, workers: int | None = None, progress: Progress = silent
) -> DocumentationSource:
    """Reads the docstrings of packages: each paragraph once over all of them, whoever is first.

    A pure function of the files' contents: neither their order on disk nor the number of workers
    matters. DataError where nothing can be held out, or a file that the package lists is missing.
    """
    groups = list(_groups(packages))
    documents = []
    seen: set[bytes] = set()
    with progress("reading docstrings", sum(len(names) for _, names in groups), "file") as task:
        results = ordered_map(_reader, groups, workers=checked_workers(workers))
        for (package, names), read in zip(groups, results, strict=True):
            for name, parts in zip(names, read, strict=True):
                for paragraphs in parts:
                    fresh = tuple(p for p in paragraphs if _is_new(p, seen))
                    document = Document(package.name, name, fresh)
                    if document.words >= _FEWEST_WORDS:
                        documents.append(document)
            task.advance(len(names))
    return DocumentationSource(
        tuple(packages), tuple(documents), held_out_packages(_words(documents))
    )


def held_out_packages(words: dict[str, int]) -> frozenset[str]:
    """The packages to evaluate on, by the number of words of each; never the standard library.

    Taken in the order of a hash of their names, so that a package's words do not decide when it is
    its turn. DataError where there are too few packages for that.
    """
    total = sum(words.values())
    names = [
        name
        for name, n in words.items()
        if name != _STDLIB and _FEWEST_EVAL_WORDS <= n <= _LARGEST_EVAL_PACKAGE * total
    ]
    held: list[str] = []
    share = 0.0
    for name in sorted(names, key=lambda name: hashlib.sha256(name.encode()).digest()):
        if share >= _EVAL_SHARE and len(held) >= _FEWEST_EVAL_PACKAGES:
            break
        if share + words[name] / total <= _LARGEST_EVAL_SHARE:
            held.append(name)
            share += words[name] / total
    if len(held) < _FEWEST_EVAL_PACKAGES:
        raise DataError(
            f"only {amount(len(held), 'package')} can be held out for evaluation, and "
            f"{_FEWEST_EVAL_PACKAGES} are needed: of {amount(len(words), 'package')} with "
            f"{amount(total, 'word')}, {len(names)} have {_FEWEST_EVAL_WORDS} words or more and at "
            f"most {_LARGEST_EVAL_PACKAGE:.0%} of all"
        )
    return frozenset(held)


def overlap(source: DocumentationSource, n: int = 8) -> float:
    """The share of the held-out split's n-grams of words that the training split holds too."""
    seen: set[int] = set()
    held: list[int] = []
    for document in source.documents:
        into = held.append if document.package in source.held_out else seen.add
        for paragraph in document.paragraphs:
            words = paragraph.lower().split()
            for i in range(len(words) - n + 1):
                into(hash(tuple(words[i : i + n])))
    return sum(gram in seen for gram in held) / max(1, len(held))


def _groups(packages: Iterable[Package]) -> Iterator[tuple[Package, tuple[str, ...]]]:
    for package in packages:
        for start in range(0, len(package.files), _FILES_A_UNIT):
            yield package, package.files[start : start + _FILES_A_UNIT]


def _reader() -> Callable[[tuple[Package, tuple[str, ...]]], list[list[list[str]]]]:
    return _read_group


def _read_group(group: tuple[Package, tuple[str, ...]]) -> list[list[list[str]]]:
    package, names = group
    return [documents_of_source(_read(package, Path(package.root, name))) for name in names]


def _read(package: Package, path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError(
            f"{path}: cannot be read, though {package.name} {package.version} lists it: "
            f"{error.strerror}; install that package again"
        ) from error


def _is_new(paragraph: str, seen: set[bytes]) -> bool:
    """Whether nothing but case, spaces and marks tells a paragraph from one that was seen."""
    letters = "".join(filter(str.isalnum, paragraph.lower()))
    key = hashlib.blake2b(letters.encode(), digest_size=16).digest()
    if key in seen:
        return False
    seen.add(key)
    return True


def _words(documents: Iterable[Document]) -> dict[str, int]:
    words: dict[str, int] = {}
    for document in documents:
        words[document.package] = words.get(document.package, 0) + document.words
    return words


def _text(document: Document) -> bytes:
    return "\n".join(document.paragraphs).encode("utf-8", errors="replace")

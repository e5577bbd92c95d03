"""SentencePiece tokenisers: one small class over the `sentencepiece` library.

Text is normalised by the same rules as for WordPiece; a space becomes the mark U+2581 at the
beginning of the word after it, and each word is split into the likeliest pieces (unigram, Kudo,
arXiv 1804.10959) or by the merges that were learned (BPE, Sennrich et al., arXiv 1508.07909).
Nothing is lost but what the rules drop, so that scripts without spaces have no [UNK] for words. A
tokeniser on disk is a folder: `sentencepiece.model`, `tokenizer_config.json` and, for others to
read, `tokenizer.json`.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from sentencepiece import SentencePieceProcessor
from tokenizers import PreTokenizedString, Regex, pre_tokenizers

from data_pipeline.errors import DataError
from data_pipeline.tokenization.files import (
    CONFIG,
    FULL,
    LEARNED,
    MODEL,
    check_case,
    check_vocabulary,
    folder_config,
    from_config,
    given_case,
    is_begun,
    write_files,
)
from data_pipeline.tokenization.located import Located, located
from data_pipeline.tokenization.read_files import read_json, read_limited
from data_pipeline.tokenization.rules import WORD_MARK, Rules, marked_normalizer
from data_pipeline.tokenization.sentencepiece_json import are_ranks, full_json
from data_pipeline.tokenization.text_tokenizer import MASK, SPECIALS, UNK, TextTokenizer

# `normalizer_spec { add_dummy_prefix: false }` of the library's ModelProto: protocol buffers that
# are put in a row are merged, and the last value counts.
_NO_PREFIX = b"\x1a\x02\x18\x00"
_CHARACTERS = pre_tokenizers.Split(Regex(r"[\s\S]"), "isolated")


class SentencePieceTokenizer(TextTokenizer):
    """Text <-> ids of SentencePiece's pieces; each word is split by itself."""

    kind = "sentencepiece"

    def __init__(
        self, model: bytes, rules: Rules, model_max_length: int = 512, name: str = MODEL
    ) -> None:
        """`model` is the content of a `sentencepiece.model`; `name` is what it is called.

        Raises DataError where it is none, lacks a special token or has it as text, or has capitals
        that lower-cased text never matches.
        """
        self._model = model
        self._processor = _processor(model, name)
        size = self._processor.get_piece_size()
        try:
            vocab = [self._processor.id_to_piece(i) for i in range(size)]
        except UnicodeDecodeError as error:
            raise DataError(f"{name}: a piece is no UTF-8; the file is damaged") from error
        check_vocabulary(vocab, rules, name)
        super().__init__(vocab, rules, model_max_length)
        if self._processor.unk_id() != self.unk_id:
            raise DataError(f"{name}: its unknown piece is not {UNK}")
        for token in set(SPECIALS) - {UNK}:
            if not self._processor.is_control(self._ids[token]):
                raise DataError(f"{name}: {token} must be a control symbol; text could become it")
        # Of models that were made elsewhere.
        self._crosses_words = any(WORD_MARK in token[1:] for token in vocab)
        self._normalizer = marked_normalizer(rules)

    @classmethod
    def load(cls, folder: Path, cased: bool | None = None) -> SentencePieceTokenizer:
        """From its folder; DataError where that is broken or contradicts `cased`."""
        config = folder / CONFIG
        rules, length = from_config(read_json(config) if config.is_file() else {}, config)
        if rules is None:
            rules = Rules(given_case(folder, cased))
        check_case(folder, rules, cased)
        rules = replace(rules, tokenize_chinese_chars=False, split_long_runs=False)
        file = folder / MODEL
        return cls(read_limited(file), rules, length, str(file))

    def encode_located(self, text: str) -> Located:
        """Like `encode`, and where in `text` the word of each id stands.

        A word is what stands between white space, punctuation included: a piece that begins with
        the mark U+2581, and those that go on with it. A model of elsewhere whose pieces go across
        words has such a piece as one word.
        """
        ids: list[int] = []
        offsets: list[tuple[int, int]] = []
        words: list[int] = []
        begin = 0
        for part in self._words([text])[0]:
            normal, places = self._normal_places(part)
            found = self._processor.encode(normal, out_type="offset_mapping")
            ids += found["ids"]
            for i, (piece, (a, b)) in enumerate(
                zip(found["pieces"], found["offsets"], strict=True)
            ):
                first = i == 0 or piece.startswith(WORD_MARK)
                words.append((words[-1] if words else 0) + first)
                # Of several pieces of a character only the last one has a width.
                last = max(a, b - 1)
                offsets.append((begin + places[a][0], begin + places[last][1]))
            begin += len(part) + 1
        return located(text, ids, offsets, words, blanks=WORD_MARK)

    def encode_with_masks(self, text: str) -> list[int]:
        """Like `encode`, but each literal "[MASK]" is the mask token. For inference only.

        What stands directly after a mask goes on with its word, as it does in training.
        """
        first, *others = text.split(MASK)
        ids = self.encode(first)
        for part in others:
            ids.append(self.mask_id)
            normal = str(self._normalizer.normalize_str(part))
            attached, space, rest = normal.partition(" ")
            ids += self._without_prefix.encode(attached) if attached else []
            ids += self.encode(rest) if space else []
        return ids

    def decode(self, ids: Sequence[int]) -> str:
        """Readable text: the pieces joined, word marks as spaces, special tokens as words."""
        text: list[str] = []
        piece_bytes = bytearray()
        for i in map(int, ids):
            if self._processor.is_byte(i):
                piece_bytes.append(int(self.vocab[i][1:-1], 16))
                continue
            text.append(piece_bytes.decode("utf-8", errors="replace"))
            piece_bytes.clear()
            special = self._processor.is_control(i)
            text.append(WORD_MARK + self.vocab[i] if special else self.vocab[i])
        text.append(piece_bytes.decode("utf-8", errors="replace"))
        return "".join(text).replace(WORD_MARK, " ").strip(" ")

    @cached_property
    def continues_word(self) -> npt.NDArray[np.bool_]:
        """Of each id, whether its token goes on with the word of the token before; [vocab_size].

        [UNK] does: it stands for characters.
        """
        others = set(SPECIALS) - {UNK}
        return np.array(
            [not token.startswith(WORD_MARK) and token not in others for token in self.vocab]
        )

    @property
    def model_type(self) -> str:
        """`bpe` or `unigram`, as `sentencepiece.model` was learned."""
        return "bpe" if are_ranks(self._processor) else "unigram"

    @property
    def fingerprint(self) -> str:
        """SHA-256 of all that decides the ids: model and rules."""
        model = hashlib.sha256(self._model).hexdigest()
        facts = {"kind": self.kind, "model": model, "rules": self.rules.facts()}
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Writes the folder.

        A folder in which this tokeniser was not written to the end is completed. DataError where
        the folder holds anything else.
        """
        folder, contents = Path(folder), self._contents()
        if folder.is_dir():
            config = folder / CONFIG
            if is_begun(folder):
                same = not config.is_file() or config.read_bytes() == contents[CONFIG]
            else:
                there = {path.name for path in folder.iterdir()}
                same = MODEL in there and there <= {CONFIG, MODEL, FULL, LEARNED}
                case = None if config.is_file() else self.cased
                same = same and self.load(folder, case).fingerprint == self.fingerprint
            if not same:
                raise DataError(f"{folder}: holds another tokeniser; remove it or name a new one")
        write_files(folder, contents)

    def with_rules(self, rules: Rules) -> SentencePieceTokenizer:
        """A tokeniser of the same model and other rules. DataError where they contradict."""
        return SentencePieceTokenizer(self._model, rules, self.model_max_length)

    def __reduce__(self) -> tuple[Any, ...]:
        return SentencePieceTokenizer, (self._model, self.rules, self.model_max_length)

    def __repr__(self) -> str:
        case = "cased" if self.cased else "uncased"
        return f"SentencePieceTokenizer({case}, {self.vocab_size} tokens)"

    def _words(self, texts: Sequence[str]) -> list[list[str]]:
        """Cut at spaces: no piece goes across one, and normalising looks at no character across."""
        if self._crosses_words:
            return [[text] for text in texts]
        return [text.split(" ") for text in texts]

    def _pieces(self, words: Sequence[str]) -> Iterator[tuple[str, bytes]]:
        dtype = self.dtype
        encoded = self._processor.encode([*map(self._normal, words)], num_threads=1)
        for word, ids in zip(words, encoded, strict=True):
            yield word, np.array(ids, dtype).tobytes()

    def _normal(self, word: str) -> str:
        if word.isascii() and word.isprintable():
            return word if self.cased else word.lower()
        return str(self._normalizer.normalize_str(word))

    def _normal_places(self, word: str) -> tuple[str, list[tuple[int, int]]]:
        """A word by the rules, and the place in `word` of each of its characters and of its end."""
        parts = PreTokenizedString(word)
        parts.normalize(self._normalizer.normalize)
        _CHARACTERS.pre_tokenize(parts)
        places = [place for _, place, _ in parts.get_splits("original", "char")]
        return self._normal(word), [*places, (len(word), len(word))]

    @cached_property
    def _without_prefix(self) -> SentencePieceProcessor:
        """The library's processor that takes a text for the rest of a word."""
        return _processor(self._model + _NO_PREFIX, MODEL)

    def _contents(self) -> dict[str, bytes]:
        """The files of the folder."""
        contents = {
            CONFIG: folder_config(self.rules, "PreTrainedTokenizerFast", self.model_max_length),
            MODEL: self._model,
        }
        full = full_json(self._processor, self.rules)
        return contents if full is None else {**contents, FULL: full}


def _processor(model: bytes, name: str) -> SentencePieceProcessor:
    try:
        return SentencePieceProcessor(model_proto=model)
    except RuntimeError as error:
        raise DataError(f"{name}: is no SentencePiece model") from error

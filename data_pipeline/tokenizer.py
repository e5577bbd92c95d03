"""WordPiece tokenisers: one small class over Hugging Face `tokenizers`.

Text is cleaned, split at white space and punctuation, and each word into its longest known pieces
(google-research/bert, tokenization.py). A tokeniser on disk is a folder in Hugging Face's layout:
`vocab.txt`, `tokenizer.json`, `tokenizer_config.json`.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer as HFTokenizer
from tokenizers import decoders, models, pre_tokenizers, processors

from data_pipeline.errors import DataError
from data_pipeline.tokenizer_files import (
    CLS,
    CONFIG,
    FILES,
    FULL,
    LONGEST_WORD,
    MASK,
    PAD,
    PREFIX,
    SEP,
    SPECIALS,
    UNK,
    VOCAB,
    Rules,
    check_vocabulary,
    from_config,
    from_full,
    given_case,
    is_begun,
    read_json,
    read_vocab,
    separated,
    write_files,
)

# Words whose pieces are remembered, with long ones counting for more: about 80 MB.
_CACHE_SIZE = 1 << 19


class Tokenizer:
    """Text <-> ids of word pieces.

    No text becomes a special token: a literal "[SEP]" in a corpus is data, and is split like any
    other word. Attributes: `vocab_size`, `cased`, `rules`, `model_max_length`, and the ids of the
    special tokens, looked up in the vocabulary: `pad_id unk_id cls_id sep_id mask_id`.
    """

    def __init__(
        self, vocab: Sequence[str], rules: Rules, model_max_length: int = 512, name: str = "vocab"
    ) -> None:
        """Raises DataError for a vocabulary that cannot be right; `name` is what it is called.

        A special token is missing, a token comes twice, or capitals can never match because the
        text is lower-cased.
        """
        check_vocabulary(vocab, rules, name)
        self.vocab = tuple(vocab)
        self.rules = rules
        self.model_max_length = model_max_length
        self.vocab_size = len(self.vocab)
        self.cased = rules.cased
        self._ids = {token: i for i, token in enumerate(self.vocab)}
        self.pad_id, self.unk_id, self.cls_id, self.sep_id, self.mask_id = (
            self._ids[token] for token in SPECIALS
        )
        # The narrowest type that holds every id.
        self.dtype: np.dtype[np.unsignedinteger] = np.dtype(
            np.uint16 if self.vocab_size <= 1 << 16 else np.uint32
        )
        self._pipeline = self._make_pipeline()
        self._cache: dict[str, bytes] = {}
        self._cached = 0

    def encode(self, text: str) -> list[int]:
        """The ids of `text`, without special tokens."""
        return self.encode_batch([text])[0]

    def encode_batch(self, texts: Sequence[str]) -> list[list[int]]:
        """The ids of each text, without special tokens."""
        return [np.frombuffer(ids, self.dtype).tolist() for ids in self._encode_bytes(texts)]

    def encode_flat(
        self, texts: Sequence[str]
    ) -> tuple[npt.NDArray[np.unsignedinteger], npt.NDArray[np.int64]]:
        """The ids of all texts in a row, of type `dtype`, and each text's number of ids."""
        encoded = self._encode_bytes(texts)
        lengths = np.fromiter(map(len, encoded), np.int64, len(encoded)) // self.dtype.itemsize
        return np.frombuffer(b"".join(encoded), self.dtype), lengths

    def encode_with_masks(self, text: str) -> list[int]:
        """Like `encode`, but each literal "[MASK]" is the mask token. For inference only."""
        ids: list[int] = []
        for i, part in enumerate(self.encode_batch(text.split(MASK))):
            ids += [self.mask_id] * (i > 0) + part
        return ids

    def decode(self, ids: Sequence[int]) -> str:
        """Readable text: pieces joined, and no space before punctuation."""
        return str(self._pipeline.decode([int(i) for i in ids], skip_special_tokens=False))

    def id_to_token(self, i: int) -> str:
        """IndexError where there is no such id."""
        if not 0 <= i < self.vocab_size:
            raise IndexError(f"id {i} is outside the vocabulary of {self.vocab_size}")
        return self.vocab[i]

    def token_to_id(self, token: str) -> int | None:
        """None where the vocabulary does not hold the token."""
        return self._ids.get(token)

    @cached_property
    def continues_word(self) -> npt.NDArray[np.bool_]:
        """[vocab_size], true for a piece that goes on with the word of the piece before it."""
        continues = np.array([token.startswith(PREFIX) for token in self.vocab])
        continues.flags.writeable = False
        return continues

    @property
    def fingerprint(self) -> str:
        """SHA-256 of all that decides the ids: vocabulary and rules."""
        rules = asdict(self.rules)
        if self.rules.strip_accents is None:  # what None comes to
            rules["strip_accents"] = not self.cased
        facts = {"kind": "wordpiece", "vocab": self.vocab, "rules": rules}
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Writes the folder, which Hugging Face transformers opens as a BERT tokeniser.

        A folder in which this tokeniser was not written to the end is completed. DataError where
        the folder holds anything else.
        """
        folder = Path(folder)
        contents = self._contents()
        if folder.is_dir():
            self._check_folder(folder, contents)
        write_files(folder, contents)

    def _check_folder(self, folder: Path, contents: dict[str, bytes]) -> None:
        config, there = folder / CONFIG, saved_tokenizer(folder, self.cased)
        if there is None:
            same = not config.is_file() or config.read_bytes() == contents[CONFIG]
        else:
            same = there.fingerprint == self.fingerprint
        if not same:
            raise DataError(f"{folder}: holds another tokeniser; remove it or name a new one")

    def __reduce__(self) -> tuple[Any, ...]:
        return Tokenizer, (self.vocab, self.rules, self.model_max_length)

    def __repr__(self) -> str:
        case = "cased" if self.cased else "uncased"
        return f"Tokenizer({case} WordPiece, {self.vocab_size} tokens)"

    def _encode_bytes(self, texts: Sequence[str]) -> list[bytes]:
        """The ids of each text as the bytes of an array.

        Each distinct word is split into pieces once and remembered, which on running text is some
        ten times faster than doing it anew. Equal, because the pieces of a word depend on nothing
        around it, and a word surely ends at a space, a line feed and each ASCII punctuation mark.
        """
        joined = separated("\n".join(text.replace("\n", " ") for text in texts), self.rules)
        words = [text.split(" ") for text in joined.split("\n")] if texts else []
        cache = self._cache
        missing = sorted(set(chain.from_iterable(words)).difference(cache))
        if missing:
            if self._cached > _CACHE_SIZE:
                # A new dictionary, not a cleared one: another thread may be reading the old one.
                self._cache = cache = {}
                self._cached = 0
                missing = sorted(set(chain.from_iterable(words)))
            cache.update(self._pieces(missing))
            self._cached += len(missing) + sum(map(len, missing)) // 32
        pieces = cache.__getitem__
        return [b"".join(map(pieces, text)) for text in words]

    def _pieces(self, words: Sequence[str]) -> Iterator[tuple[str, bytes]]:
        """Each word with its ids.

        What `separated` left of plain letters and digits is normal already, and the model alone is
        five times faster than the whole pipeline.
        """
        dtype, model = self.dtype, self._pipeline.model
        others = []
        for word in words:
            if word.isascii() and word.isalnum():
                yield word, np.array([piece.id for piece in model.tokenize(word)], dtype).tobytes()
            else:
                others.append(word)
        encoded = self._pipeline.encode_batch_fast(others, add_special_tokens=False)
        for word, encoding in zip(others, encoded, strict=True):
            yield word, np.array(encoding.ids, dtype).tobytes()

    def _make_pipeline(self) -> HFTokenizer:
        """Without special tokens, so that none can come out of text."""
        pipeline = HFTokenizer(
            models.WordPiece(dict(self._ids), unk_token=UNK, max_input_chars_per_word=LONGEST_WORD)
        )
        pipeline.normalizer = self.rules.normalizer()
        pipeline.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        pipeline.decoder = decoders.WordPiece(prefix=PREFIX)
        return pipeline

    def _full_pipeline(self) -> HFTokenizer:
        """As others expect it in `tokenizer.json`: with special tokens and their template."""
        pipeline = self._make_pipeline()
        pipeline.add_special_tokens(list(SPECIALS))
        pipeline.post_processor = processors.TemplateProcessing(
            single=f"{CLS} $A {SEP}",
            pair=f"{CLS} $A {SEP} $B:1 {SEP}:1",
            special_tokens=[(CLS, self.cls_id), (SEP, self.sep_id)],
        )
        return pipeline

    def _contents(self) -> dict[str, bytes]:
        """The files of the folder."""
        config = {
            "tokenizer_class": "BertTokenizer",
            "do_lower_case": not self.cased,
            "strip_accents": self.rules.strip_accents,
            "tokenize_chinese_chars": self.rules.tokenize_chinese_chars,
            "model_max_length": self.model_max_length,
            "pad_token": PAD,
            "unk_token": UNK,
            "cls_token": CLS,
            "sep_token": SEP,
            "mask_token": MASK,
        }
        return {
            CONFIG: (json.dumps(config, indent=2) + "\n").encode(),
            FULL: self._full_pipeline().to_str(pretty=True).encode(),
            VOCAB: "".join(token + "\n" for token in self.vocab).encode(),
        }


def saved_tokenizer(folder: Path, cased: bool) -> Tokenizer | None:
    """What a tokeniser of this case would be saved over: None where there is none to open yet.

    DataError where the folder holds anything else.
    """
    if not folder.is_dir() or is_begun(folder):
        return None
    bare = not (folder / CONFIG).is_file() and not (folder / FULL).is_file()
    return load_tokenizer(folder, cased if bare else None)


def load_tokenizer(path: str | os.PathLike[str], cased: bool | None = None) -> Tokenizer:
    """A tokeniser from its folder, or from a bare `vocab.txt`.

    A folder knows its case; `cased` may repeat it but not contradict it. A bare vocabulary file (or
    a folder that holds nothing else) does not, and needs `cased`. DataError where it is missing,
    broken, or contradicts itself.
    """
    path = Path(path)
    if path.is_file():
        return Tokenizer(read_vocab(path), Rules(given_case(path, cased)), name=str(path))
    if not path.is_dir():
        raise DataError(f"{path}: no such tokeniser; give its folder, or a vocab.txt")
    config_path, full_path, vocab_path = (path / name for name in FILES)
    if not vocab_path.is_file() and not full_path.is_file():
        raise DataError(f"{path}: holds neither vocab.txt nor tokenizer.json")
    config = read_json(config_path) if config_path.is_file() else {}
    said, length = from_config(config, config_path)
    rules, vocab = None, None
    if full_path.is_file():
        rules, vocab = from_full(read_json(full_path), full_path)
    if vocab_path.is_file():
        listed = read_vocab(vocab_path)
        if vocab is not None and vocab != listed:
            raise DataError(f"{path}: vocab.txt and tokenizer.json hold different vocabularies")
        vocab = listed
    assert vocab is not None
    if rules is None:
        rules = said or Rules(given_case(path, cased))
    elif said is not None and said.cased != rules.cased:
        raise DataError(
            f"{path}: tokenizer.json and tokenizer_config.json disagree about lower-casing"
        )
    if cased is not None and cased != rules.cased:
        word = "cased" if rules.cased else "uncased"
        raise DataError(f"{path}: is {word}, as its files say; cased={cased} was given")
    return Tokenizer(vocab, rules, length, name=str(path))

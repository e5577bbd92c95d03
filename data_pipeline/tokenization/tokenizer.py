"""WordPiece tokenisers, and opening a tokeniser of any kind.

Text is cleaned, split at white space and punctuation, and each word into its longest known pieces
(google-research/bert, tokenization.py). A tokeniser on disk is a folder in Hugging Face's layout:
`vocab.txt`, `tokenizer.json`, `tokenizer_config.json`.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer as HFTokenizer
from tokenizers import decoders, models, processors

from data_pipeline.errors import DataError
from data_pipeline.tokenization.added_tokens import (
    AddedToken,
    added_facts,
)
from data_pipeline.tokenization.byte_level_files import is_byte_level
from data_pipeline.tokenization.byte_level_tokenizer import ByteLevelTokenizer
from data_pipeline.tokenization.files import (
    CONFIG,
    FULL,
    MODEL,
    PREFIX,
    VOCAB,
    check_bare_vocabulary,
    check_vocabulary,
    folder_config,
    given_case,
    is_begun,
    write_files,
)
from data_pipeline.tokenization.located import Located, located
from data_pipeline.tokenization.read_files import read_limited, read_vocab
from data_pipeline.tokenization.rules import LONGEST_WORD, Rules, separated
from data_pipeline.tokenization.sentencepiece_tokenizer import SentencePieceTokenizer
from data_pipeline.tokenization.text_tokenizer import CLS, MASK, SEP, SPECIALS, UNK, TextTokenizer
from data_pipeline.tokenization.wordpiece_files import read_facts


class Tokenizer(TextTokenizer):
    """Text <-> ids of word pieces, as in the original."""

    kind = "wordpiece"

    def __init__(
        self,
        vocab: Sequence[str],
        rules: Rules,
        model_max_length: int = 512,
        name: str = "vocab",
        *,
        added: Sequence[AddedToken] = (),
    ) -> None:
        """Raises DataError for a vocabulary that cannot be right; `name` is what it is called.

        A special token is missing, a token comes twice, or capitals can never match because the
        text is lower-cased. `added` are tokens of `vocab` that are cut out of text before anything
        else, or, where they are special, never come of text; those at its end are no word pieces.
        """
        self.added = tuple(token for token in added if token.content not in SPECIALS)
        outside = {token.content for token in self.added}
        check_vocabulary(vocab, rules, name, outside)
        super().__init__(vocab, rules, model_max_length)
        self._num_pieces = self.vocab_size
        while self.vocab[self._num_pieces - 1] in outside:
            self._num_pieces -= 1
        self._pipeline = self._make_pipeline()

    def encode_located(self, text: str) -> Located:
        """Like `encode`, and where in `text` the word of each id stands.

        A word is what stands between white space, each punctuation mark, each Chinese character
        (by the rules), and each token that is cut out of text.
        """
        encoding = self._whole_pipeline.encode(text, add_special_tokens=False)
        known = self._ids_of_added
        ids = [known.get(i, i) for i in encoding.ids]
        return located(text, ids, encoding.offsets, encoding.word_ids)

    def encode_with_masks(self, text: str) -> list[int]:
        """Like `encode`, but each literal "[MASK]" is the mask token. For inference only."""
        ids: list[int] = []
        for i, part in enumerate(self.encode_batch(text.split(MASK))):
            ids += [self.mask_id] * (i > 0) + part
        return ids

    def decode(self, ids: Sequence[int]) -> str:
        """Readable text: pieces joined, and no space before punctuation."""
        tokens = [self.vocab[i] for i in map(int, ids) if 0 <= i < self.vocab_size]
        return str(self._pipeline.decoder.decode(tokens))

    @cached_property
    def continues_word(self) -> npt.NDArray[np.bool_]:
        """[vocab_size], true for a piece that goes on with the word of the piece before it."""
        continues = np.array([token.startswith(PREFIX) for token in self.vocab])
        continues.flags.writeable = False
        return continues

    @property
    def fingerprint(self) -> str:
        """SHA-256 of all that decides the ids: vocabulary and rules."""
        facts: dict[str, Any] = {
            "kind": self.kind,
            "vocab": self.vocab,
            "rules": self.rules.facts(),
        }
        if self.added:
            facts["added"] = self.added
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

    def with_rules(self, rules: Rules) -> Tokenizer:
        """A tokeniser of the same vocabulary and other rules. DataError where they contradict."""
        return Tokenizer(self.vocab, rules, self.model_max_length, added=self.added)

    def __reduce__(self) -> tuple[Any, ...]:
        whole = partial(Tokenizer, added=self.added) if self.added else Tokenizer
        return whole, (self.vocab, self.rules, self.model_max_length)

    def __repr__(self) -> str:
        case = "cased" if self.cased else "uncased"
        return f"Tokenizer({case} WordPiece, {self.vocab_size} tokens)"

    def _words(self, texts: Sequence[str]) -> list[list[str]]:
        """A word surely ends at a space, a line feed and each ASCII punctuation mark."""
        if not texts:
            return []
        if self._cuts_out:
            return [[text] for text in texts]
        joined = separated("\n".join(text.replace("\n", " ") for text in texts), self.rules)
        return [text.split(" ") for text in joined.split("\n")]

    def _pieces(self, words: Sequence[str]) -> Iterator[tuple[str, bytes]]:
        """Each word with its ids.

        What `separated` left of plain letters and digits is normal already, and the model alone is
        five times faster than the whole pipeline.
        """
        dtype, model = self.dtype, self._pipeline.model
        others = []
        for word in words:
            if word.isascii() and word.isalnum() and not self._cuts_out:
                yield word, np.array([piece.id for piece in model.tokenize(word)], dtype).tobytes()
            else:
                others.append(word)
        encoded = self._pipeline.encode_batch_fast(others, add_special_tokens=False)
        known = self._ids_of_added
        for word, encoding in zip(others, encoded, strict=True):
            ids = [known.get(i, i) for i in encoding.ids] if known else encoding.ids
            yield word, np.array(ids, dtype).tobytes()

    def _make_pipeline(self, *, with_added: bool = True) -> HFTokenizer:
        """For words in their Unicode form, or for whole texts where tokens are cut out of them.

        Without special tokens, so that none can come of text.
        """
        pieces = {token: i for i, token in enumerate(self.vocab[: self._num_pieces])}
        pipeline = HFTokenizer(
            models.WordPiece(pieces, unk_token=UNK, max_input_chars_per_word=LONGEST_WORD)
        )
        rules = self.rules
        pipeline.normalizer = rules.normalizer() if self._cuts_out else rules.word_normalizer()
        pipeline.pre_tokenizer = self.rules.pre_tokenizer()
        pipeline.decoder = decoders.WordPiece(prefix=PREFIX)
        if with_added:
            pipeline.add_tokens([t.of_library() for t in self.added if not t.special])
        return pipeline

    @cached_property
    def _whole_pipeline(self) -> HFTokenizer:
        """For whole texts."""
        if self._cuts_out:
            return self._pipeline
        pipeline = self._make_pipeline()
        pipeline.normalizer = self.rules.normalizer()
        return pipeline

    @cached_property
    def _cuts_out(self) -> bool:
        """Whether there are tokens to be cut out of text first."""
        return any(not token.special for token in self.added)

    @cached_property
    def _ids_of_added(self) -> dict[int, int]:
        """From the pipeline's ids of the tokens that it cuts out, which it numbers by itself."""
        known = ((self._pipeline.token_to_id(token.content), token.id) for token in self.added)
        return {numbered: i for numbered, i in known if numbered is not None}

    def _full_pipeline(self) -> HFTokenizer:
        """As others expect it in `tokenizer.json`: with special tokens and their template."""
        pipeline = self._make_pipeline(with_added=False)
        pipeline.normalizer = self.rules.normalizer()
        pipeline.add_special_tokens(list(SPECIALS))
        for token in self.added:
            add = pipeline.add_special_tokens if token.special else pipeline.add_tokens
            add([token.of_library()])
        pipeline.post_processor = processors.TemplateProcessing(
            single=f"{CLS} $A {SEP}",
            pair=f"{CLS} $A {SEP} $B:1 {SEP}:1",
            special_tokens=[(CLS, self.cls_id), (SEP, self.sep_id)],
        )
        return pipeline

    def _contents(self) -> dict[str, bytes]:
        """The files of the folder."""
        more = {"added_tokens_decoder": added_facts(self.added)} if self.added else None
        rules = self.rules
        # The class of transformers makes its own pipeline, which knows neither of these rules.
        own = rules.unicode_form != "none" or rules.split_long_runs
        kind = "PreTrainedTokenizerFast" if own else "BertTokenizer"
        return {
            CONFIG: folder_config(rules, kind, self.model_max_length, more),
            FULL: self._full_pipeline().to_str(pretty=True).encode(),
            VOCAB: "".join(f"{token}\n" for token in self.vocab[: self._num_pieces]).encode(),
        }


def saved_tokenizer(folder: Path, cased: bool) -> TextTokenizer | None:
    """What a tokeniser of this case would be saved over: None where there is none to open yet.

    DataError where the folder holds anything else.
    """
    if not folder.is_dir() or is_begun(folder):
        return None
    bare = not (folder / CONFIG).is_file() and not (folder / FULL).is_file()
    return load_tokenizer(folder, cased if bare else None)


def load_tokenizer(path: str | os.PathLike[str], cased: bool | None = None) -> TextTokenizer:
    """A tokeniser of any kind from its folder, a bare `vocab.txt`, or a bare `.model` file.

    A folder knows its case; `cased` may repeat it but not contradict it. A bare vocabulary file (or
    a folder that holds nothing else) does not, and needs `cased`. DataError where it is missing,
    broken, or contradicts itself.
    """
    path = Path(path)
    if path.is_file() and path.suffix == ".model":
        words = Rules(given_case(path, cased), tokenize_chinese_chars=False)
        return SentencePieceTokenizer(read_limited(path), words, name=str(path))
    if path.is_file():
        bare = read_vocab(path)
        check_bare_vocabulary(path, bare, cased)
        return Tokenizer(bare, Rules(given_case(path, cased)), name=str(path))
    if not path.is_dir():
        raise DataError(f"{path}: no such tokeniser; give its folder, or a vocab.txt")
    if (path / MODEL).is_file():
        if (path / VOCAB).is_file():
            raise DataError(f"{path}: holds two tokenisers, {MODEL} and {VOCAB}; remove one")
        return SentencePieceTokenizer.load(path, cased)
    if is_byte_level(path) and not (path / VOCAB).is_file():
        return ByteLevelTokenizer.load(path, cased)
    facts, length = read_facts(path, cased)
    return Tokenizer(facts.vocab, facts.rules, length, name=str(path), added=facts.added)

"""Byte-level BPE tokenisers, as GPT-2 and RoBERTa have them.

A text is cut into words with the space before them, each word is spelt in bytes that are written as
letters ("Ġ" is the space), and these are merged by the pairs that were learned (Radford et al.,
"Language Models are Unsupervised Multitask Learners", section 2.2; Liu et al., arXiv 1907.11692,
section 4.4). Nothing is unknown, and nothing is lost.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from tokenizers import AddedToken, decoders, models, pre_tokenizers, processors
from tokenizers import Tokenizer as HFTokenizer

from data_pipeline.errors import DataError
from data_pipeline.tokenization.byte_level_files import (
    BYTE_LEVEL_FILES,
    MERGES,
    ROBERTA_SPECIALS,
    VOCAB_JSON,
    ByteLevelFacts,
    merges_text,
    read_facts,
)
from data_pipeline.tokenization.files import (
    CONFIG,
    FULL,
    LEARNED,
    SPECIAL_MAP,
    check_case,
    is_begun,
    write_files,
)
from data_pipeline.tokenization.located import Located, located
from data_pipeline.tokenization.rules import Rules
from data_pipeline.tokenization.text_tokenizer import MASK, ROBERTA_PAIR, ROLES, TextTokenizer
from data_pipeline.wording import shown

# How the byte of a space is written.
SPACE_LETTER = "Ġ"
# Unicode's White_Space, which is what the library strips; Python's `strip` takes four more.
_SPACES = "\t\n\x0b\x0c\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000"
_SPACES += "".join(map(chr, range(0x2000, 0x200B)))
# Where a word surely ends for the library's regular expression, whatever else is around: before a
# single space, and between an ASCII letter or digit and a punctuation mark. Not after an
# apostrophe, which takes letters with it ("'s").
_WORD_END = re.compile(
    r"(?<=\S)(?= \S)|(?<=[A-Za-z0-9])(?=[!-/:-@\[-`{-~])|(?<=[!-&(-/:-@\[-`{-~])(?=[A-Za-z0-9])"
)


class ByteLevelTokenizer(TextTokenizer):
    """Text <-> ids of byte-level BPE."""

    kind = "byte_level_bpe"

    def __init__(self, facts: ByteLevelFacts, model_max_length: int = 512) -> None:
        """Raises DataError where a merge is of tokens that the vocabulary does not hold."""
        rules = Rules(True, False, tokenize_chinese_chars=False, unicode_form=facts.unicode_form)
        super().__init__(facts.vocab, rules, model_max_length, facts.specials, facts.layout)
        self.facts = facts
        self._pipeline = self._make_pipeline()
        texts = {self.mask_token, MASK}
        self._masks = re.compile("|".join(map(re.escape, sorted(texts, key=len, reverse=True))))

    @classmethod
    def load(cls, folder: Path, cased: bool | None = None) -> ByteLevelTokenizer:
        """From its folder; DataError where that is broken, or `cased` is False."""
        facts, length = read_facts(folder)
        check_case(folder, Rules(True), cased)
        try:
            return cls(facts, length)
        except DataError as error:
            raise DataError(f"{folder}: {error}") from error

    def as_running_text(self, sentences: Sequence[str], ends: Sequence[int]) -> Sequence[str]:
        """With a space before each sentence but the first of a document, as it stands in the text.

        A word has other ids at the very beginning of a text than after a space.
        """
        first = set(ends)
        return [s if i in first else f" {s}" for i, s in enumerate(sentences)]

    def encode_located(self, text: str) -> Located:
        """Like `encode`, and where in `text` the word of each id stands.

        A word is what the library's regular expression cuts: a run of letters, of digits, or of
        other characters ("),"), each without the space before it, an English ending ("'t"), or
        white space that goes with no word; and each token that is cut out of text.
        """
        encoding = self._whole_pipeline.encode(text, add_special_tokens=False)
        return located(text, encoding.ids, encoding.offsets, encoding.word_ids)

    def encode_with_masks(self, text: str) -> list[int]:
        """Like `encode`, but each literal mask token or "[MASK]" is the mask token.

        The space before it belongs to it ("a <mask>" is "a" and the mask). For inference only.
        """
        left, right = self.facts.mask_strips
        first, *others = self._masks.split(text)
        parts = [first.rstrip(_SPACES) if left and others else first]
        for i, part in enumerate(others, 1):
            part = part.lstrip(_SPACES) if right else part
            parts.append(part.rstrip(_SPACES) if left and i < len(others) else part)
        ids: list[int] = []
        for i, encoded in enumerate(self.encode_batch(parts)):
            ids += [self.mask_id] * (i > 0) + encoded
        return ids

    def decode(self, ids: Sequence[int]) -> str:
        """The text, with special tokens as they are written; bytes that are no UTF-8 as U+FFFD."""
        return str(self._pipeline.decode([int(i) for i in ids], skip_special_tokens=False))

    def readable_token(self, i: int) -> str:
        """Its text, without the space before it; a part of a letter as the vocabulary has it."""
        text = self.decode([i])
        return self.id_to_token(i) if "\ufffd" in text else text.removeprefix(" ")

    @cached_property
    def continues_word(self) -> npt.NDArray[np.bool_]:
        """Of each id, whether its token goes on with the word of the token before; [vocab_size].

        All do that do not begin with a space, so punctuation belongs to the word before it. The
        first token of a document does too, by this table, but has a special token before it.
        """
        specials = {token.content for token in self.facts.added} | set(self.special_tokens)
        continues = np.array(
            [not t.startswith(SPACE_LETTER) and t not in specials for t in self.vocab]
        )
        continues.flags.writeable = False
        return continues

    @property
    def fingerprint(self) -> str:
        """SHA-256 of all that decides the ids."""
        facts = {"kind": self.kind, **asdict(self.facts)}
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Writes the folder, which Hugging Face transformers opens.

        A folder in which this tokeniser was not written to the end is completed. DataError where
        the folder holds anything else.
        """
        folder, contents = Path(folder), self._contents()
        if folder.is_dir():
            config = folder / CONFIG
            if is_begun(folder):
                same = not config.is_file() or config.read_bytes() == contents[CONFIG]
            else:
                ours = (*BYTE_LEVEL_FILES, LEARNED)
                begun = tuple(f"{name}." for name in ours)
                names = {path.name for path in folder.iterdir()}
                there = {name for name in names if not name.startswith(begun)}
                same = FULL in there and there <= {*ours}
                same = same and self.load(folder).fingerprint == self.fingerprint
            if not same:
                raise DataError(f"{folder}: holds another tokeniser; remove it or name a new one")
        write_files(folder, contents)

    def with_rules(self, rules: Rules) -> ByteLevelTokenizer:
        """A tokeniser of another Unicode form. DataError where any other rule is another."""
        if replace(rules, unicode_form=self.rules.unicode_form) != self.rules:
            raise DataError(
                "a byte-level BPE tokeniser keeps capitals, accents and all other characters; only "
                "its Unicode form can be another"
            )
        facts = replace(self.facts, unicode_form=rules.unicode_form)
        return ByteLevelTokenizer(facts, self.model_max_length)

    def __reduce__(self) -> tuple[Any, ...]:
        return ByteLevelTokenizer, (self.facts, self.model_max_length)

    def __repr__(self) -> str:
        return f"ByteLevelTokenizer(byte-level BPE, {self.vocab_size} tokens)"

    def _words(self, texts: Sequence[str]) -> list[list[str]]:
        """Cut where the library does in any case; not where it cuts out other tokens first."""
        texts = [self.rules.with_form(text) for text in texts]
        if self.facts.added:
            return [[text] for text in texts]
        if self.facts.add_prefix_space:
            texts = [f" {text}" if text and text[0] != " " else text for text in texts]
        return [_WORD_END.split(text) for text in texts]

    def _pieces(self, words: Sequence[str]) -> Iterator[tuple[str, bytes]]:
        dtype = self.dtype
        encoded = self._pipeline.encode_batch_fast(words, add_special_tokens=False)
        for word, encoding in zip(words, encoded, strict=True):
            yield word, np.array(encoding.ids, dtype).tobytes()

    def _make_pipeline(self) -> HFTokenizer:
        """For text in its Unicode form. Without special tokens, so that none can come of text."""
        facts = self.facts
        try:
            model = models.BPE(
                dict(self._ids), list(facts.merges), ignore_merges=facts.ignore_merges
            )
        except Exception as error:  # the library raises no narrower one
            raise DataError(
                f"the merges do not belong to the vocabulary: {shown(str(error))}"
            ) from error
        pipeline = HFTokenizer(model)
        # Else done to the text before it is cut into words.
        prefix = bool(facts.added) and facts.add_prefix_space
        pipeline.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=prefix)
        pipeline.decoder = decoders.ByteLevel()
        pipeline.add_tokens([token.of_library() for token in facts.added])
        return pipeline

    def _make_whole_pipeline(self) -> HFTokenizer:
        """For whole texts."""
        pipeline, prefix = self._make_pipeline(), self.facts.add_prefix_space
        if self.facts.unicode_form != "none":
            pipeline.normalizer, *_ = self.rules.form_normalizers()
        pipeline.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=prefix)
        return pipeline

    @cached_property
    def _whole_pipeline(self) -> HFTokenizer:
        return self._make_whole_pipeline()

    def _full_pipeline(self) -> HFTokenizer:
        """As others expect it in `tokenizer.json`: with special tokens and their layout."""
        facts = self.facts
        pipeline = self._make_whole_pipeline()
        left, right = facts.mask_strips
        mask = AddedToken(self.mask_token, lstrip=left, rstrip=right, special=True)
        pipeline.add_special_tokens([*self.special_tokens[:-1], mask])
        _, _, cls, sep, _ = self.special_tokens
        if self.pair_layout == ROBERTA_PAIR:
            pipeline.post_processor = processors.RobertaProcessing(
                (sep, self.sep_id), (cls, self.cls_id), add_prefix_space=facts.add_prefix_space
            )
        else:
            kind, between = self.pair_layout.second_type, f"{sep} " * self.pair_layout.separators
            pipeline.post_processor = processors.TemplateProcessing(
                single=f"{cls} $A {sep}",
                pair=f"{cls} $A {between}$B:{kind} {sep}:{kind}",
                special_tokens=[(cls, self.cls_id), (sep, self.sep_id)],
            )
        return pipeline

    def _contents(self) -> dict[str, bytes]:
        """The files of the folder."""
        facts = self.facts
        # What the class of transformers makes by itself of a vocabulary and its merges; it is told
        # below which spaces go with a mask. RobertaTokenizerFast is the same class there.
        plain = facts == ByteLevelFacts(
            facts.vocab,
            facts.merges,
            ROBERTA_SPECIALS,
            facts.add_prefix_space,
            mask_strips=facts.mask_strips,
        )
        left, right = facts.mask_strips
        roles: dict[str, Any] = dict(zip(ROLES, self.special_tokens, strict=True))
        # transformers knows no other way to be told that spaces go with a token.
        flags = {"lstrip": left, "normalized": False, "rstrip": right, "single_word": False}
        roles["mask_token"] = {"content": self.mask_token, **flags}
        if plain:
            roles |= {"bos_token": roles["cls_token"], "eos_token": roles["sep_token"]}
        config = {
            "tokenizer_class": "RobertaTokenizer" if plain else "PreTrainedTokenizerFast",
            "add_prefix_space": facts.add_prefix_space,
            "model_max_length": self.model_max_length,
            **roles,
            "mask_token": {"__type": "AddedToken", **roles["mask_token"]},
        }
        return {
            CONFIG: _json(config),
            SPECIAL_MAP: _json(roles),
            FULL: self._full_pipeline().to_str(pretty=True).encode(),
            VOCAB_JSON: _json(self._ids, None),
            MERGES: merges_text(facts.merges),
        }


def _json(value: Any, indent: int | None = 2) -> bytes:
    return (json.dumps(value, indent=indent, ensure_ascii=False) + "\n").encode()

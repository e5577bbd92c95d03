"""Tokeniser folders that transformers writes, opened here, and ours, opened there."""

import json
from pathlib import Path

import pytest
from test_tokenization_byte_level_tokenizer import LINES, learn
from test_tokenization_exactness import VOCABULARIES, strings
from test_tokenization_sentencepiece_tokenizer import TOKENIZERS as SENTENCEPIECE
from test_tokenization_sentencepiece_tokenizer import sentences
from test_tokenization_tokenizer import CASED_VOCAB, VOCAB
from transformers import (
    AutoTokenizer,
    BertTokenizer,
    DistilBertTokenizer,
    PreTrainedTokenizerBase,
    RobertaTokenizerFast,
)

from data_pipeline.tokenization.added_tokens import AddedToken
from data_pipeline.tokenization.rules import Rules
from data_pipeline.tokenization.text_tokenizer import TextTokenizer
from data_pipeline.tokenization.tokenizer import Tokenizer, load_tokenizer

THAI = "ภาษาไทยเป็นภาษาที่มีระดับเสียง" * 5


def assert_equal_ids(ours: TextTokenizer, peer: PreTrainedTokenizerBase, texts: list[str]) -> None:
    """Also of pairs with special tokens; texts that hold one as text are not asked."""
    specials = [token.content for token in peer.added_tokens_decoder.values() if token.special]
    plain = [text for text in texts if not any(token in text for token in specials)]
    assert len(plain) > 0.8 * len(texts)
    assert len(peer) == ours.vocab_size
    found = peer(plain, add_special_tokens=False)["input_ids"]
    rows = zip(plain, ours.encode_batch(plain), found, strict=True)
    assert [row for row in rows if row[1] != row[2]][:1] == []
    ids = [peer.pad_token_id, peer.unk_token_id, peer.cls_token_id, peer.sep_token_id]
    assert ids == [ours.pad_id, ours.unk_id, ours.cls_id, ours.sep_id]
    assert (peer.mask_token, peer.mask_token_id) == (ours.mask_token, ours.mask_id)
    pair = peer(plain[0], plain[1], return_token_type_ids=True)
    built = ours.build_inputs(ours.encode(plain[0]), ours.encode(plain[1]))
    assert (pair["input_ids"], pair["token_type_ids"]) == built
    masked = f"the {peer.mask_token} walk"
    assert ours.encode_with_masks(masked) == peer(masked, add_special_tokens=False)["input_ids"]


@pytest.mark.parametrize("name", VOCABULARIES)
@pytest.mark.parametrize("kind", [BertTokenizer, DistilBertTokenizer])
def test_a_folder_of_transformers_opens_here(
    shared_data: Path, tmp_path: Path, name: str, kind: type[PreTrainedTokenizerBase]
) -> None:
    path = shared_data / "vocab" / f"bert_{name}.txt"
    peer = kind(str(path), do_lower_case=not VOCABULARIES[name])
    peer.save_pretrained(tmp_path)
    ours = load_tokenizer(tmp_path)
    assert ours.cased == VOCABULARIES[name]
    assert_equal_ids(ours, peer, strings(ours.vocab)[:400])


def test_tokens_that_transformers_added_are_found_here(shared_data: Path, tmp_path: Path) -> None:
    peer = BertTokenizer(str(shared_data / "vocab" / "bert_uncased.txt"))
    peer.add_tokens(["covidology", "[NEW]"])
    peer.add_special_tokens({"additional_special_tokens": ["[E1]"]})
    peer.save_pretrained(tmp_path)
    ours = load_tokenizer(tmp_path)
    texts = ["Covidology, [new] and [NEW]covidologys", "a walk", *strings(ours.vocab)[:100]]
    assert_equal_ids(ours, peer, texts)
    ours.save(tmp_path / "ours")
    assert_equal_ids(ours, AutoTokenizer.from_pretrained(tmp_path / "ours"), texts)


@pytest.mark.parametrize(
    "rules",
    [
        Rules(True),
        Rules(False),
        Rules(False, strip_accents=False),
        Rules(True, strip_accents=True, tokenize_chinese_chars=False),
        Rules(False, unicode_form="nfkc"),
        Rules(True, split_long_runs=True),
    ],
)
def test_our_word_pieces_open_in_transformers(tmp_path: Path, rules: Rules) -> None:
    vocab = [*(CASED_VOCAB if rules.cased else VOCAB), "ภ", *(f"##{c}" for c in sorted({*THAI}))]
    ours = Tokenizer(vocab, rules)
    ours.save(tmp_path)
    peer = AutoTokenizer.from_pretrained(tmp_path)
    texts = ["The walking, UNABLE!", "Straße naïve", "ﬁｗalk 中文 e\u0301", THAI]
    assert_equal_ids(ours, peer, [*texts, *strings(ours.vocab)[:300]])
    assert peer.model_max_length == 512


def test_our_added_tokens_open_in_transformers(tmp_path: Path) -> None:
    added = [AddedToken(len(VOCAB), "covid"), AddedToken(len(VOCAB) + 1, "[E1]", special=True)]
    ours = Tokenizer([*VOCAB, "covid", "[E1]"], Rules(cased=False), added=added)
    ours.save(tmp_path)
    peer = AutoTokenizer.from_pretrained(tmp_path)
    assert_equal_ids(ours, peer, ["the Covids", "walk", *strings(ours.vocab)[:100]])


@pytest.mark.parametrize("name", ["unigram", "uncased", "nfkc"])
def test_our_sentencepiece_unigram_opens_in_transformers(tmp_path: Path, name: str) -> None:
    ours = SENTENCEPIECE[name]
    ours.save(tmp_path)
    peer = AutoTokenizer.from_pretrained(tmp_path)
    assert_equal_ids(ours, peer, sentences())


@pytest.mark.parametrize("prefix", [False, True])
def test_byte_level_bpe_opens_both_ways(tmp_path: Path, prefix: bool) -> None:
    learn(prefix=prefix).save(str(tmp_path / "learned.json"))
    model = json.loads((tmp_path / "learned.json").read_text("utf-8"))["model"]
    merges = [tuple(pair) for pair in model["merges"]]
    peer = RobertaTokenizerFast(model["vocab"], merges, add_prefix_space=prefix)
    peer.save_pretrained(tmp_path / "theirs")
    ours = load_tokenizer(tmp_path / "theirs")
    texts = [*LINES, *strings(tuple(" ".join(LINES).split()))[:2000]]
    assert_equal_ids(ours, peer, texts)
    for folder in ("again", "older"):
        ours.save(tmp_path / folder)
        peer = AutoTokenizer.from_pretrained(tmp_path / folder)
        assert_equal_ids(ours, peer, texts)
        for name in ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"):
            (tmp_path / folder / name).unlink()
        ours = load_tokenizer(tmp_path / folder)

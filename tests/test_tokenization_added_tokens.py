"""Folders as they are found elsewhere: added tokens, older layouts, other classes."""

import json
import pickle
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_tokenization_tokenizer import VOCAB, uncased, write
from tokenizers import AddedToken
from tokenizers import Tokenizer as HFTokenizer

from data_pipeline.errors import DataError
from data_pipeline.tokenization.rules import Rules
from data_pipeline.tokenization.text_tokenizer import SPECIALS, TextTokenizer
from data_pipeline.tokenization.tokenizer import Tokenizer, load_tokenizer

CONFIG = {"do_lower_case": True}
ADDED = [
    AddedToken("[E1]", special=True),
    AddedToken("Covid"),
    AddedToken("[NEW]", normalized=False, lstrip=True),
    AddedToken("walk", single_word=True),
]
texts = st.lists(
    st.sampled_from(["covid", "COVIDs", "[NEW]", "walk", "Walks", " ", "the", ",", "é", "[new]"])
).map("".join)


def peer() -> HFTokenizer:
    """As Hugging Face's library has a vocabulary with tokens added to it."""
    made = HFTokenizer.from_str(uncased()._full_pipeline().to_str())
    for token in ADDED:
        (made.add_special_tokens if token.special else made.add_tokens)([token])
    return made


PEER = peer()


def folder_of(folder: Path, **files: Any) -> Path:
    """A folder with the vocabulary; `files` are contents by name without `.json`."""
    folder.mkdir(exist_ok=True)
    write(folder, VOCAB)
    for name, content in {"tokenizer_config": CONFIG, **files}.items():
        if content is not None:
            (folder / f"{name}.json").write_text(json.dumps(content), "utf-8")
    return folder


@pytest.fixture(scope="module")
def added(tmp_path_factory: pytest.TempPathFactory) -> TextTokenizer:
    folder = folder_of(tmp_path_factory.mktemp("added"))
    PEER.save(str(folder / "tokenizer.json"))
    return load_tokenizer(folder)


@given(text=texts)
def test_added_tokens_are_cut_out_of_text_as_the_library_does(
    added: TextTokenizer, text: str
) -> None:
    expected = PEER.encode(text, add_special_tokens=False).ids
    assert added.encode(text) == expected
    assert added.encode(text) == expected, "now from the cache"


def test_added_tokens_have_their_ids_and_a_special_one_never_comes_of_text(
    added: TextTokenizer,
) -> None:
    assert added.vocab_size == PEER.get_vocab_size() == len(VOCAB) + 3
    for token in ("[E1]", "Covid", "[NEW]", "walk"):
        assert added.token_to_id(token) == PEER.token_to_id(token)
    assert added.token_to_id("[E1]") not in added.encode("[E1] [e1]")
    assert added.decode([added.token_to_id("[E1]") or 0]) == "[E1]"


def test_added_tokens_go_with_the_tokenizer(added: TextTokenizer, tmp_path: Path) -> None:
    text = "the Covids [NEW]walk"
    copy = pickle.loads(pickle.dumps(added))
    added.save(tmp_path)
    for removed in ("nothing", "tokenizer.json"):
        (tmp_path / removed).unlink(missing_ok=True)
        for same in (copy, load_tokenizer(tmp_path), added.with_rules(added.rules)):
            assert same.fingerprint == added.fingerprint != uncased().fingerprint
            assert same.encode(text) == PEER.encode(text, add_special_tokens=False).ids


def test_an_older_folder_names_its_added_tokens_by_id(tmp_path: Path) -> None:
    first = len(VOCAB)
    older = {"[NEW]": first + 1, "covid": first}
    tokenizer = load_tokenizer(folder_of(tmp_path, added_tokens=older))
    assert tokenizer.vocab[first:] == ("covid", "[NEW]")
    found = [tokenizer.id_to_token(i) for i in tokenizer.encode("covids [NEW]")]
    assert found == ["covid", "s", "[NEW]"]
    special = {"additional_special_tokens": ["[NEW]"]}
    for where in ({"tokenizer_config": CONFIG | special}, {"special_tokens_map": special}):
        tokenizer = load_tokenizer(folder_of(tmp_path, **where))
        assert tokenizer.vocab_size == first + 2
        assert first + 1 not in tokenizer.encode("[NEW]")
    for odd in ("[NEW]", [["[NEW]"]], [{"content": 7}]):
        folder_of(tmp_path, special_tokens_map={"additional_special_tokens": odd})
        assert first + 1 in load_tokenizer(tmp_path).encode("[NEW]")
    folder_of(tmp_path, added_tokens={"[NEW]": first + 1})
    with pytest.raises(DataError, match=rf"'\[NEW\]' has the id {first + 1}; it must be {first}"):
        load_tokenizer(tmp_path)


def test_the_decoder_of_the_configuration_names_added_tokens(tmp_path: Path) -> None:
    decoder = {
        **{str(i): {"content": t, "special": True} for i, t in enumerate(VOCAB) if t in SPECIALS},
        str(len(VOCAB)): {"content": "covid", "special": False, "normalized": True},
    }
    config = {**CONFIG, "added_tokens_decoder": decoder}
    tokenizer = load_tokenizer(folder_of(tmp_path, tokenizer_config=config))
    assert tokenizer.encode("covid") == [len(VOCAB)]
    only_special = {**CONFIG, "added_tokens_decoder": {k: decoder[k] for k in [*decoder][:5]}}
    tokenizer = load_tokenizer(folder_of(tmp_path, tokenizer_config=only_special))
    assert tokenizer.fingerprint == uncased().fingerprint


def test_padding_and_truncation_of_a_full_file_change_nothing(tmp_path: Path) -> None:
    full = HFTokenizer.from_str(uncased()._full_pipeline().to_str())
    full.enable_padding(length=64)
    full.enable_truncation(8)
    folder_of(tmp_path)
    full.save(str(tmp_path / "tokenizer.json"))
    tokenizer = load_tokenizer(tmp_path)
    assert tokenizer.encode("the " * 50) == uncased().encode("the " * 50)
    assert tokenizer.fingerprint == uncased().fingerprint


@pytest.mark.parametrize("kind", ["BertTokenizer", "DistilBertTokenizerFast", "ElectraTokenizer"])
def test_a_class_that_cuts_words_as_berts_does_is_taken(tmp_path: Path, kind: str) -> None:
    config = {**CONFIG, "tokenizer_class": kind}
    tokenizer = load_tokenizer(folder_of(tmp_path, tokenizer_config=config))
    assert tokenizer.fingerprint == uncased().fingerprint


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (
            {"tokenizer_class": "BertJapaneseTokenizer"},
            "'BertJapaneseTokenizer', is none that cuts",
        ),
        ({"do_basic_tokenize": False}, "do_basic_tokenize must be True; got False"),
        ({"mask_token": "<mask>"}, r"mask_token .* must be \[MASK\]; got '<mask>'"),
        ({"sep_token": {"content": "</s>"}}, r"sep_token .* must be \[SEP\]; got '</s>'"),
    ],
)
def test_a_configuration_of_another_tokeniser_is_refused(
    tmp_path: Path, config: dict[str, object], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        load_tokenizer(folder_of(tmp_path, tokenizer_config={**CONFIG, **config}))


def test_a_folder_that_does_not_tell_its_case_asks_for_it(tmp_path: Path) -> None:
    folder_of(tmp_path, tokenizer_config={"model_max_length": 256}, config={"model_type": "bert"})
    with pytest.raises(DataError, match=r"whether it is cased; say cased=True or cased=False"):
        load_tokenizer(tmp_path)
    tokenizer = load_tokenizer(tmp_path, cased=False)
    assert (tokenizer.fingerprint, tokenizer.model_max_length) == (uncased().fingerprint, 256)


@pytest.mark.parametrize(
    ("where", "value", "message"),
    [
        (("pre_tokenizer",), {"type": "Whitespace"}, "must be BertPreTokenizer; got .*Whitespace"),
        (("pre_tokenizer",), None, "must be BertPreTokenizer; got None"),
        (("model", "max_input_chars_per_word"), 50, "max_input_chars_per_word must be 100; got 50"),
        (("added_tokens", 0, "lstrip"), "no", "lstrip must be true or false; got 'no'"),
    ],
)
def test_a_full_file_that_would_give_other_ids_is_refused(
    tmp_path: Path, where: tuple[str | int, ...], value: object, message: str
) -> None:
    uncased().save(tmp_path)
    path = tmp_path / "tokenizer.json"
    whole = inner = json.loads(path.read_text("utf-8"))
    for name in where[:-1]:
        inner = inner[name]
    inner[where[-1]] = value
    path.write_text(json.dumps(whole))
    with pytest.raises(DataError, match=message):
        load_tokenizer(tmp_path)


def test_unused_tokens_are_tokens_like_others() -> None:
    vocab = [*VOCAB, *(f"[unused{i}]" for i in range(3))]
    tokenizer = Tokenizer(vocab, Rules(cased=False))
    assert not {*range(len(VOCAB), len(vocab))} & {*tokenizer.encode("[unused1] unused1")}


def test_the_line_separator_of_the_chinese_vocabulary_may_have_been_lost(tmp_path: Path) -> None:
    """As in folders that transformers writes: its reader drops white space at the end of a line."""
    vocab = [*VOCAB, "\u2028", "##\u2028"]
    Tokenizer(vocab, Rules(cased=False)).save(tmp_path)
    path = tmp_path / "tokenizer.json"
    lost = path.read_text("utf-8").replace("\u2028", "")
    assert '"##"' in lost
    path.write_text(lost, "utf-8")
    both = load_tokenizer(tmp_path)
    assert both.vocab == tuple(vocab)
    (tmp_path / "vocab.txt").unlink()
    alone = load_tokenizer(tmp_path)
    assert alone.vocab == (*VOCAB, "\u2028", "##")
    assert alone.encode("the\u2028walking") == both.encode("the\u2028walking")

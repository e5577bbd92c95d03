import json
import os
import pickle
import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import AddedToken, decoders, models, pre_tokenizers, processors, trainers
from tokenizers import Tokenizer as HFTokenizer

from data_pipeline.batches import PretrainingBatches
from data_pipeline.doctor.words import PieceTable
from data_pipeline.errors import DataError
from data_pipeline.masking.words import find_words
from data_pipeline.objective import PretrainingObjective
from data_pipeline.preparation.prepare import prepare
from data_pipeline.shown_batch import shown_batch
from data_pipeline.tokenization.byte_level_files import BYTE_LEVEL_FILES, ROBERTA_SPECIALS
from data_pipeline.tokenization.byte_level_tokenizer import ByteLevelTokenizer
from data_pipeline.tokenization.rules import Rules
from data_pipeline.tokenization.special_ids import SpecialIds
from data_pipeline.tokenization.text_tokenizer import TextTokenizer
from data_pipeline.tokenization.tokenizer import load_tokenizer

LINES = [
    "The walk walks, walking: it's the hound's café!",
    "Straße 3.14% 中文 привет мир (unable) we'll they've",
    "naïve été  two  spaces and\tA tab",
]
# Of another order than usual: no id may be assumed.
SPECIALS = ["<unk>", "</s>", "<s>", "<pad>", "<mask>"]
ODD = "aeltw TWs.,:'’-()[]<>/3½é中\u0301\u00a0\u2003\u2028\u200b\t\n\x0b\x1c\x85\0\ufffdĠ👍"
texts = st.one_of(
    st.text(st.sampled_from(ODD)),
    st.lists(st.sampled_from([*" ".join(LINES).split(), "'s", "''s", "n't", " "])).map(" ".join),
    st.text(st.characters(exclude_categories=["Cs"])),
)


def learn(
    specials: list[str] = SPECIALS,
    *,
    prefix: bool = False,
    template: bool = False,
    added: tuple[AddedToken, ...] = (),
) -> HFTokenizer:
    """As Hugging Face's library learns one and lays its inputs out."""
    peer = HFTokenizer(models.BPE())
    peer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=prefix)
    peer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=360,
        special_tokens=specials,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    peer.train_from_iterator(LINES * 20, trainer)
    peer.add_special_tokens([AddedToken(specials[-1], lstrip=True)])
    peer.add_tokens(list(added))
    cls, sep = ((t, peer.token_to_id(t)) for t in (specials[2], specials[1]))
    if template:
        peer.post_processor = processors.TemplateProcessing(
            single=f"{cls[0]} $A {sep[0]}",
            pair=f"{cls[0]} $A {sep[0]} $B:1 {sep[0]}:1",
            special_tokens=[cls, sep],
        )
    else:
        peer.post_processor = processors.RobertaProcessing(sep, cls, add_prefix_space=prefix)
    return peer


def write(folder: Path, peer: HFTokenizer, **config: object) -> Path:
    folder.mkdir(exist_ok=True)
    peer.save(str(folder / "tokenizer.json"))
    if config:
        (folder / "tokenizer_config.json").write_text(json.dumps(config))
    return folder


PEERS = {
    "roberta": learn(),
    "prefix": learn(prefix=True),
    "added": learn(added=(AddedToken("  ", normalized=False), AddedToken("walk", rstrip=True))),
    "added, prefix": learn(prefix=True, added=(AddedToken("3.14"),)),
}


@pytest.fixture(scope="module")
def tokenizers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, TextTokenizer]:
    folder = tmp_path_factory.mktemp("peers")
    return {name: load_tokenizer(write(folder / name, peer)) for name, peer in PEERS.items()}


@pytest.fixture
def tokenizer(tokenizers: dict[str, TextTokenizer]) -> TextTokenizer:
    return tokenizers["roberta"]


def tokens(tokenizer: TextTokenizer, ids: list[int]) -> list[str]:
    return [tokenizer.id_to_token(i) for i in ids]


@pytest.mark.parametrize("name", PEERS)
@given(text=texts)
def test_ids_are_those_of_the_library_and_decode_to_the_text(
    tokenizers: dict[str, TextTokenizer], name: str, text: str
) -> None:
    ours, peer = tokenizers[name], PEERS[name]
    expected = peer.encode(text, add_special_tokens=False)
    if not {t.content for t in peer.get_added_tokens_decoder().values() if t.special} & {
        *expected.tokens
    }:
        assert ours.encode(text) == expected.ids
        assert ours.encode(text) == expected.ids, "now from the cache"
        assert ours.decode(expected.ids) == peer.decode(expected.ids, skip_special_tokens=False)
        if name == "roberta":
            assert ours.decode(expected.ids) == text


def test_a_words_end_is_found_only_where_the_library_has_one(tokenizer: TextTokenizer) -> None:
    """Everything between two characters of all sorts, with something before and after."""
    rng = random.Random(0)
    for _ in range(2000):
        text = "".join(rng.choices(ODD, k=8))
        assert tokenizer.encode(text) == PEERS["roberta"].encode(text).ids[1:-1]


def test_special_ids_are_looked_up_by_role(tokenizer: TextTokenizer) -> None:
    assert tokenizer.special_tokens == ROBERTA_SPECIALS
    ids = [tokenizer.unk_id, tokenizer.sep_id, tokenizer.cls_id, tokenizer.pad_id]
    assert [*ids, tokenizer.mask_id] == [0, 1, 2, 3, 4]
    assert SpecialIds.of(tokenizer).mask == 4
    assert tokenizer.mask_token == "<mask>"


def test_a_special_token_in_text_is_text(tokenizer: TextTokenizer) -> None:
    ids = tokenizer.encode("a </s><mask> [MASK]")
    assert tokenizer.decode(ids) == "a </s><mask> [MASK]"
    assert not {*range(5)} & {*ids}


@pytest.mark.parametrize("name", ["roberta", "prefix"])
@pytest.mark.parametrize(
    "text",
    [
        "The <mask> walks",
        "<mask>",
        "<mask><mask>",
        "a<mask>s, ",
        " \t<mask>  the<mask> ",
        "",
        "walk",
    ],
)
def test_a_mask_takes_the_space_before_it_as_in_the_library(
    tokenizers: dict[str, TextTokenizer], name: str, text: str
) -> None:
    tokenizer, expected = tokenizers[name], PEERS[name].encode(text, add_special_tokens=False).ids
    assert tokenizer.encode_with_masks(text) == expected
    assert tokenizer.encode_with_masks(text.replace("<mask>", "[MASK]")) == expected


def test_what_begins_no_word_goes_on_with_one(tokenizer: TextTokenizer) -> None:
    ids = tokenizer.encode("The walking, it's")
    found = tokens(tokenizer, ids)
    assert found[0] == "The"
    assert tokenizer.continues_word[ids].tolist() == [not t.startswith("Ġ") for t in found]
    assert not tokenizer.continues_word[[*range(5)]].any()
    row = np.array([[tokenizer.cls_id, *ids, tokenizer.sep_id]], np.int32)
    is_text = np.isin(row, ids)
    words = find_words(row, is_text, tokenizer.continues_word)
    spelt = [
        tokenizer.decode(row[0, a : a + n])
        for a, n in zip(words.starts, words.lengths, strict=True)
    ]
    assert spelt == ["The", " walking,", " it's"]


def test_sentences_after_the_first_of_a_document_have_their_space(tokenizer: TextTokenizer) -> None:
    sentences = ["The walk.", "The hound.", "A tab."]
    texts = tokenizer.as_running_text(sentences, [0, 2, 3])
    assert texts == ["The walk.", " The hound.", "A tab."]
    whole = tokenizer.encode("The walk. The hound.")
    first, second = tokenizer.encode_batch(texts[:2])
    assert first + second == whole


def test_a_pair_has_two_separators_between_and_one_type(tokenizer: TextTokenizer) -> None:
    pair = PEERS["roberta"].encode("The walk", "walks")
    a, b = tokenizer.encode("The walk"), tokenizer.encode("walks")
    assert tokenizer.build_inputs(a, b) == (pair.ids, pair.type_ids)
    assert tokenizer.build_inputs(a) == (
        PEERS["roberta"].encode("The walk").ids,
        [0] * (len(a) + 2),
    )


def test_a_template_of_bert_with_other_names_is_followed(tmp_path: Path) -> None:
    peer = learn(["[UNK]", "[SEP]", "[CLS]", "[PAD]", "[MASK]"], template=True)
    roles = {"pad_token": "[PAD]", "unk_token": "[UNK]", "mask_token": {"content": "[MASK]"}}
    ours = load_tokenizer(write(tmp_path, peer, **roles))
    pair = peer.encode("The walk", "walks")
    a, b = ours.encode("The walk"), ours.encode("walks")
    assert ours.build_inputs(a, b) == (pair.ids, pair.type_ids)
    assert ours.build_inputs(a, b, type_vocab_size=1) == (pair.ids, [0] * len(pair.ids))
    ours.save(tmp_path / "saved")
    again = HFTokenizer.from_file(str(tmp_path / "saved" / "tokenizer.json")).encode(
        "The", "[MASK]"
    )
    assert (again.ids, again.type_ids) == (peer.encode("The", "[MASK]").ids, again.type_ids)


@pytest.mark.parametrize("name", PEERS)
def test_a_saved_folder_opens_as_the_same_tokenizer_here_and_in_the_library(
    tokenizers: dict[str, TextTokenizer], name: str, tmp_path: Path
) -> None:
    ours = tokenizers[name]
    for _ in range(2):
        ours.save(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        *("merges.txt", "special_tokens_map.json", "tokenizer.json", "tokenizer_config.json"),
        "vocab.json",
    ]
    opened = load_tokenizer(tmp_path)
    assert (opened.kind, opened.fingerprint) == ("byte_level_bpe", ours.fingerprint)
    peer = HFTokenizer.from_file(str(tmp_path / "tokenizer.json"))
    for text in (*LINES, "a  <mask>walk 3.14  b"):
        assert peer.encode(text).ids == PEERS[name].encode(text).ids


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({}, "RobertaTokenizer"),
        ({"mask_strips": (False, False)}, "RobertaTokenizer"),
        ({"ignore_merges": True}, "PreTrainedTokenizerFast"),
        ({"unicode_form": "nfc"}, "PreTrainedTokenizerFast"),
    ],
)
def test_the_class_of_transformers_is_named_that_makes_the_same_of_the_files(
    tokenizer: TextTokenizer, changed: dict[str, object], named: str, tmp_path: Path
) -> None:
    assert isinstance(tokenizer, ByteLevelTokenizer)
    ours = ByteLevelTokenizer(replace(tokenizer.facts, **changed))
    ours.save(tmp_path)
    config = json.loads((tmp_path / "tokenizer_config.json").read_text())
    assert config["tokenizer_class"] == named
    assert config["mask_token"]["lstrip"] is ours.facts.mask_strips[0]
    assert load_tokenizer(tmp_path).fingerprint == ours.fingerprint


def test_files_that_disagree_about_the_space_before_a_text_are_refused(tmp_path: Path) -> None:
    write(tmp_path, PEERS["roberta"], add_prefix_space=None)
    load_tokenizer(tmp_path)
    write(tmp_path, PEERS["roberta"], add_prefix_space=True)
    with pytest.raises(DataError, match="disagree about add_prefix_space: true and false; change"):
        load_tokenizer(tmp_path)


def test_the_two_older_files_are_enough(tokenizer: TextTokenizer, tmp_path: Path) -> None:
    tokenizer.save(tmp_path)
    for name in ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"):
        (tmp_path / name).unlink()
        assert load_tokenizer(tmp_path).fingerprint == tokenizer.fingerprint


def test_a_save_that_was_stopped_is_completed_and_no_other_is_overwritten(
    tokenizers: dict[str, TextTokenizer], tmp_path: Path
) -> None:
    ours = tokenizers["roberta"]
    ours.save(tmp_path)
    whole = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    for written in range(len(BYTE_LEVEL_FILES)):
        for name in BYTE_LEVEL_FILES[written:]:
            (tmp_path / name).unlink()
        begun = tmp_path / f"{BYTE_LEVEL_FILES[written]}.killed"
        begun.write_bytes(b"{")
        os.utime(begun, (0, 0))
        ours.save(tmp_path)
        assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == whole
    with pytest.raises(DataError, match="another tokeniser"):
        tokenizers["prefix"].save(tmp_path)


def test_the_fingerprint_changes_with_what_changes_ids(
    tokenizers: dict[str, TextTokenizer],
) -> None:
    ours = tokenizers["roberta"]
    assert isinstance(ours, ByteLevelTokenizer)
    others = [
        *tokenizers.values(),
        ours.with_rules(replace(ours.rules, unicode_form="nfc")),
        ByteLevelTokenizer(replace(ours.facts, merges=ours.facts.merges[:-1])),
        ByteLevelTokenizer(
            replace(ours.facts, specials=("<pad>", "<unk>", "</s>", "<s>", "<mask>"))
        ),
    ]
    assert len({other.fingerprint for other in others}) == len(others)
    copy = pickle.loads(pickle.dumps(ours))
    assert (copy.fingerprint, copy.encode(LINES[0])) == (ours.fingerprint, ours.encode(LINES[0]))


def test_a_unicode_form_is_kept_and_other_rules_are_refused(
    tokenizer: TextTokenizer, tmp_path: Path
) -> None:
    composed = tokenizer.with_rules(replace(tokenizer.rules, unicode_form="nfc"))
    assert composed.encode("cafe\u0301") == tokenizer.encode("café")
    composed.save(tmp_path)
    assert load_tokenizer(tmp_path).encode("cafe\u0301") == tokenizer.encode("café")
    with pytest.raises(DataError, match="keeps capitals"):
        tokenizer.with_rules(Rules(False))
    with pytest.raises(DataError, match=r"is cased.*cased=False"):
        load_tokenizer(tmp_path, cased=False)


def test_tokens_are_shown_as_text_and_parts_of_letters_as_they_are(
    tokenizer: TextTokenizer,
) -> None:
    ids = tokenizer.encode(" the é ½")
    shown = [tokenizer.readable_token(i) for i in ids]
    assert shown[0] == "the"
    assert "\ufffd" not in "".join(shown)
    assert "Â" in shown, "the first byte of a half"


def edited(folder: Path, tokenizer: TextTokenizer, where: tuple[str, ...], value: object) -> Path:
    tokenizer.save(folder)
    path = folder / where[0]
    whole = inner = json.loads(path.read_text("utf-8"))
    for name in where[1:-1]:
        inner = inner[name]
    inner[where[-1]] = value
    path.write_text(json.dumps(whole))
    return folder


FULL = "tokenizer.json"


@pytest.mark.parametrize(
    ("where", "value", "message"),
    [
        ((FULL, "model", "dropout"), 0.1, "dropout of a byte-level BPE must be None; got 0.1"),
        ((FULL, "model", "end_of_word_suffix"), "</w>", "end_of_word_suffix"),
        ((FULL, "pre_tokenizer"), {"type": "Metaspace"}, "must be 'ByteLevel'; got 'Metaspace'"),
        ((FULL, "pre_tokenizer", "use_regex"), False, "use_regex .* must be True; got False"),
        ((FULL, "normalizer"), {"type": "Lowercase"}, "normalizer .* must be None; got .*Lower"),
        ((FULL, "pre_tokenizer"), [1], r"must be 'ByteLevel'; got \[1\]"),
        ((FULL, "normalizer"), [1], r"normalizer .* must be None; got .*\[1\]"),
        ((FULL, "normalizer"), {"type": ["NFC"]}, "normalizer .* must be None"),
        ((FULL, "added_tokens"), {}, "added_tokens must be a list"),
        ((FULL, "added_tokens"), [7], "added_tokens must hold objects"),
        ((FULL, "post_processor"), 7, "post_processor is unknown"),
        ((FULL, "post_processor"), {"type": "TemplateProcessing", "pair": [7]}, "pair of texts"),
        ((FULL, "model", "vocab"), [], "vocab must be an object"),
        (("tokenizer_config.json", "cls_token"), ["<s>"], "cls_token, .* is no token"),
        ((FULL, "model", "merges"), ["a b c"], "a merge must be two tokens; got 'a b c'"),
        ((FULL, "model", "merges"), [["a", "中"]], "different tokenisers"),
        ((FULL, "model", "vocab", "<s>"), 9999, "do not run from 0"),
        ((FULL, "post_processor"), {"type": "BertProcessing"}, "post_processor is unknown"),
        ((FULL, "post_processor"), {"type": "TemplateProcessing", "pair": []}, "pair of texts"),
        (("vocab.json", "new"), 360, "hold different tokenisers"),
        (("tokenizer_config.json", "mask_token"), "[MASK]", r"mask_token, '\[MASK\]', is no token"),
        (("tokenizer_config.json", "pad_token"), "</s>", "its pad_token and its sep_token"),
    ],
)
def test_what_is_not_roberta_s_is_refused_with_what_was_found(
    tokenizer: TextTokenizer,
    tmp_path: Path,
    where: tuple[str, ...],
    value: object,
    message: str,
) -> None:
    edited(tmp_path, tokenizer, where, value)
    if where[1:2] == ("model",) and where[2] == "vocab":
        (tmp_path / "vocab.json").unlink()
    with pytest.raises(DataError, match=message):
        load_tokenizer(tmp_path)


def test_damaged_merges_are_told_with_their_line(tokenizer: TextTokenizer, tmp_path: Path) -> None:
    tokenizer.save(tmp_path)
    (tmp_path / FULL).unlink()
    merges = tmp_path / "merges.txt"
    for content, message in (
        (b"#version: 0.2\na b c\n", r"merges\.txt:2: needs two tokens"),
        (b"\xff\xfe", r"merges\.txt: merges must be UTF-8"),
        ("#version: 0.2\na 中\n".encode(), "do not belong to the vocabulary"),
    ):
        merges.write_bytes(content)
        with pytest.raises(DataError, match=message):
            load_tokenizer(tmp_path)
    merges.unlink()
    with pytest.raises(DataError, match="holds neither"):
        load_tokenizer(tmp_path)


def test_a_store_of_it_holds_the_text_and_rows_are_shown_as_text(
    tokenizer: TextTokenizer, tmp_path: Path
) -> None:
    """From text to a row with whole words masked."""
    text = "The walk walks {}. It's the hound's café! Naïve été, unable."
    documents = [text.format(i) for i in range(30)]
    (tmp_path / "text.txt").write_text("\n\n".join(documents), "utf-8")
    store = prepare(
        [tmp_path / "text.txt"],
        tokenizer,
        tmp_path / "store",
        lines="paragraph",
        eval_share=0.2,
        workers=1,
    )
    assert store.tokenizer().fingerprint == tokenizer.fingerprint
    held_out = tokenizer.decode(store.eval.tokens.tolist())
    kept = [document for document in documents if document not in held_out]
    assert tokenizer.decode(store.train.tokens.tolist()) == "".join(kept)
    objective = PretrainingObjective(64, 16, masking="whole_word", pairs="none")
    ids = SpecialIds.of(tokenizer)
    batches = PretrainingBatches(store.train, ids, objective, seed=0, batch_size=2)
    for shown in shown_batch(batches, store, objective, 0):
        assert "Ġ" not in "".join(p.original_text + p.shown_text for p in shown.predictions)
        taken_back = list(shown.tokens)
        for prediction in shown.predictions:
            taken_back[prediction.position] = prediction.original
        ids = [i for token in taken_back if (i := tokenizer.token_to_id(token)) is not None]
        text = tokenizer.decode(ids)
        assert text.startswith("<s>")
        assert all(part in "".join(kept) for part in text.removeprefix("<s>").split("</s>"))
        continues = tokenizer.continues_word[ids] & (np.array(ids) > 4)
        continues[1:] &= np.array(ids[:-1]) > 4
        masked = np.zeros(len(ids), bool)
        masked[[prediction.position for prediction in shown.predictions]] = True
        assert masked.any()
        assert (masked[1:] == masked[:-1])[continues[1:]].all(), "a word is masked whole or not"


def test_a_word_of_letters_is_counted_without_the_punctuation_after_it(
    tokenizer: TextTokenizer,
) -> None:
    table = PieceTable.of(tokenizer, [tokenizer.pad_id, tokenizer.mask_id])
    ids = tokenizer.encode(" walks, unable!")
    found = tokens(tokenizer, ids)
    expected = [token[0] != "Ġ" and token.isalnum() for token in found]
    assert True in expected
    assert table.continues[ids].tolist() == expected

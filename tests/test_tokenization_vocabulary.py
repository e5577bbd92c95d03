import os
import random
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import pre_tokenizers

import data_pipeline.tokenization.vocabulary as vocabulary_module
from data_pipeline.errors import DataError
from data_pipeline.preparation.prepare import vocabulary_from
from data_pipeline.tokenization.rules import Rules
from data_pipeline.tokenization.text_tokenizer import SPECIALS
from data_pipeline.tokenization.vocabulary import (
    count_words,
    merge_counts,
    train_wordpiece,
    vocabulary_of,
)

WORDS = "the a walk walks walking walked talk talking talked unable able table 中文 été".split()


def texts(seed: int = 0, count: int = 60) -> list[str]:
    rng = random.Random(seed)
    return [" ".join(rng.choices(WORDS, k=12)) + "." for _ in range(count)]


def test_special_tokens_come_first_then_characters_then_merges() -> None:
    vocab = train_wordpiece(texts(), size=56).vocab
    assert vocab[:5] == SPECIALS
    characters = [t for t in vocab[5:] if len(t) == 1]
    continuing = [t for t in vocab[5:] if t.startswith("##") and len(t) == 3]
    assert list(vocab[5 : 5 + len(characters)]) == sorted(characters)
    assert list(vocab[5 + len(characters) :][: len(continuing)]) == sorted(continuing)
    assert "walk" in vocab
    assert "##ing" in vocab
    assert len(vocab) == 56


def test_the_order_of_the_texts_does_not_matter() -> None:
    shuffled = texts()
    random.Random(1).shuffle(shuffled)
    assert train_wordpiece(shuffled, size=90).vocab == train_wordpiece(texts(), size=90).vocab


def test_hash_seeds_and_threads_do_not_matter() -> None:
    script = (
        "import random; from data_pipeline.tokenization.vocabulary import train_wordpiece\n"
        "rng = random.Random(0)\n"
        "words = [''.join(rng.choices('abcdefgh', k=rng.randint(2, 7))) for _ in range(3000)]\n"
        "print(train_wordpiece([' '.join(words)], size=400).fingerprint)"
    )
    printed = set()
    for seed, threads in ((0, 1), (1, 2), (2, 5)):
        env = {**os.environ, "PYTHONHASHSEED": str(seed), "RAYON_NUM_THREADS": str(threads)}
        command = [sys.executable, "-c", script]
        printed.add(subprocess.run(command, env=env, check=True, capture_output=True).stdout)
    assert len(printed) == 1


def test_case_is_kept_only_where_it_is_asked_for() -> None:
    sentences = ["Walk walk WALK"] * 5
    assert "Walk" in train_wordpiece(sentences, size=40, cased=True).vocab
    assert all(t == t.lower() for t in train_wordpiece(sentences, size=40).vocab[5:])


def test_a_text_has_no_special_tokens_to_teach() -> None:
    vocab = train_wordpiece(["[SEP] [MASK] [SEP]"] * 5, size=40).vocab
    assert vocab.count("[SEP]") == 1
    assert "sep" in vocab


def test_few_words_give_fewer_tokens_than_asked_for() -> None:
    assert len(train_wordpiece(["ab ab"], size=100).vocab) == 5 + 2 + 1 + 1


@pytest.mark.parametrize("size", [-3, 0, 5, 6])
def test_a_size_that_no_text_fits_is_refused_before_text_is_read(size: int) -> None:
    def never() -> Iterator[str]:
        yield pytest.fail("the text was read")

    with pytest.raises(DataError, match=f"room for 7 tokens at least.*got a size of {size} "):
        train_wordpiece(never(), size)
    with pytest.raises(DataError, match="room for 7"):
        vocabulary_from([], size)
    with pytest.raises(DataError, match="room for 7"):
        vocabulary_of(Counter({"a": 1}), size)


def test_the_least_size_is_enough_for_some_text() -> None:
    assert train_wordpiece(["aa a"], size=7).vocab == (*SPECIALS, "a", "##a")


def test_characters_too_rare_to_learn_are_left_out() -> None:
    vocab = train_wordpiece(["walk talk " * 20_000 + "ж"], size=60).vocab
    assert "ж" not in vocab
    assert "w" in vocab


def test_no_text_and_no_room_are_errors() -> None:
    with pytest.raises(DataError, match="no words"):
        train_wordpiece([" ", "\n"], size=100)
    with pytest.raises(DataError, match="a vocabulary of 20 is too small") as caught:
        train_wordpiece(texts(), size=20)
    needed = re.search(r"a size of (\d+) at least", str(caught.value))
    assert needed is not None
    assert len(train_wordpiece(texts(), size=int(needed[1])).vocab) <= int(needed[1])
    with pytest.raises(DataError, match="too small"):
        train_wordpiece(texts(), size=int(needed[1]) - 1)


def test_long_runs_of_a_script_without_spaces_are_learned_from_and_split() -> None:
    word = "ภาษาไทย"
    learned = train_wordpiece([word * 40] * 5, size=60, cased=True)
    assert learned.rules.split_long_runs
    assert learned.unk_id not in learned.encode(word * 40)
    assert not train_wordpiece(texts() * 2, size=90).rules.split_long_runs


@pytest.mark.parametrize(
    ("rules", "known"),
    [
        (Rules(False), {"ete"}),
        (Rules(False, strip_accents=False), {"été"}),
        (Rules(True, strip_accents=True), {"Ete"}),
        (Rules(True), {"Été", "E\u0301té"}),
        (Rules(True, unicode_form="nfc"), {"Été"}),
    ],
)
def test_case_accents_and_unicode_form_are_separate_switches(rules: Rules, known: set[str]) -> None:
    learned = train_wordpiece(["Été E\u0301té"] * 20, size=60, rules=rules)
    assert learned.rules == rules
    words = {"ete", "été", "Ete", "Été", "E\u0301té"}
    assert words & {*learned.vocab} == known


@given(st.text(st.characters(exclude_categories=["Cs"])), st.booleans())
def test_counting_distinct_words_first_counts_the_same(text: str, cased: bool) -> None:
    rules = Rules(cased)
    normal = rules.normalizer().normalize_str(text)
    words = pre_tokenizers.BertPreTokenizer().pre_tokenize_str(normal)
    assert count_words(text, rules) == Counter(word for word, _ in words if len(word) <= 100)


def test_counts_stay_bounded_and_lose_the_rarest_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vocabulary_module, "_MOST_WORDS", 10)
    parts = [Counter({"often": 50, **{f"once{i}{j}": 1 for j in range(5)}}) for i in range(6)]
    merged = merge_counts(parts)
    assert merged["often"] == 300
    assert len(merged) <= 10


def test_scaled_counts_give_the_common_words(monkeypatch: pytest.MonkeyPatch) -> None:
    counts = Counter({"walk": 4000, "talk": 3000, "rare": 1})
    full = vocabulary_of(counts, 30)
    monkeypatch.setattr(vocabulary_module, "_MOST_RUNNING_WORDS", 1000)
    scaled = vocabulary_of(counts, 30)
    assert {"walk", "talk"} <= {*full} & {*scaled}

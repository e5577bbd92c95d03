"""A text that is wrong in one way is warned of."""

import numpy as np
import pytest
from corpora import Text, found_in, healthy, make_store, tokenizer_of, word_list, write

from data_pipeline.cleaning.rules import CleaningRules
from data_pipeline.preparation.prepare import prepare
from data_pipeline.tokenization.files import Rules
from data_pipeline.tokenization.tokenizer import Tokenizer


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Tokenizer:
    """That of the healthy text."""
    return tokenizer_of(write(tmp_path_factory.mktemp("tokenizer") / "text.txt", healthy()))


def test_documents_of_one_sentence_have_no_next_one(tmp_path, tokenizer) -> None:
    store = make_store(tmp_path, Text().documents(2000, sentences=(1, 1)), tokenizer)
    found = found_in(store)
    assert found["one_sentence_documents"].seen == "100.0 % of the documents are one sentence"
    assert "labelled 1 (random)" in found["label_balance"].seen
    assert "100.0 %" in found["label_balance"].why


def test_headings_are_too_short(tmp_path, tokenizer) -> None:
    documents = Text().documents(1000, sentences=(10, 30), words=(1, 3))
    found = found_in(make_store(tmp_path, documents, tokenizer))
    assert found["short_sentences"].seen == "half of the sentences have 3 tokens or fewer"


def test_lines_broken_at_a_width_are_no_sentences(tmp_path, tokenizer) -> None:
    documents = [
        [" ".join(words[i : i + 9]) for i in range(0, len(words), 9)]
        for words in (" ".join(document).split() for document in healthy())
    ]
    found = found_in(make_store(tmp_path, documents, tokenizer))
    assert set(found) == {"broken_sentences"}
    assert "end with a word" in found["broken_sentences"].seen


def test_paragraphs_taken_for_sentences_are_too_long(tmp_path, tokenizer) -> None:
    paragraphs = [[" ".join(d), " ".join(d[1:])] for d in healthy()]
    found = found_in(make_store(tmp_path, paragraphs, tokenizer))
    assert "of the tokens stand in sentences of more than 125" in found["long_sentences"].seen
    assert "--lines paragraph" in found["long_sentences"].remedy


def test_a_cased_tokeniser_with_text_in_lower_case_is_a_mismatch(tmp_path) -> None:
    cased = tokenizer_of(write(tmp_path / "cased.txt", healthy()), 900, cased=True)
    documents = [[sentence.lower() for sentence in document] for document in healthy()]
    found = found_in(make_store(tmp_path, documents, cased))
    assert "0.0 % of the words begin with a piece that has a capital" in found["case_mismatch"].seen


def test_a_vocabulary_without_capitals_that_keeps_case_is_a_mismatch(tmp_path, tokenizer) -> None:
    cased = Tokenizer(tokenizer.vocab, Rules(cased=True))
    found = found_in(make_store(tmp_path, healthy(), cased))
    assert found["case_mismatch"].seen.endswith("keeps capitals, and its vocabulary has none")
    assert "--uncased" in found["case_mismatch"].remedy
    assert "[UNK]" in found["unknown_tokens"].seen


def test_a_vocabulary_learned_in_lower_case_but_for_a_few_words_is_a_mismatch(tmp_path, tokenizer):
    cased = Tokenizer([*tokenizer.vocab, "B", "##B"], Rules(cased=True))
    found = found_in(make_store(tmp_path, healthy(), cased))
    assert "unknown words would be known in lower case" in found["case_mismatch"].seen


def test_a_script_without_capitals_has_no_mismatch_of_case(tmp_path) -> None:
    letters = str.maketrans("abdefgiklmnoprstu", "אבגדהוזחטיכלמנסעפ")
    documents = [[s.lower().translate(letters) for s in document] for document in healthy()]
    hebrew = make_store(
        tmp_path, documents, lambda path: tokenizer_of(path, 800, cased=True), documents[:20]
    )
    assert found_in(hebrew) == {}


def test_a_vocabulary_without_accents_that_keeps_them_is_a_mismatch(tmp_path, tokenizer) -> None:
    keeps = Tokenizer(tokenizer.vocab, Rules(cased=False, strip_accents=False))
    documents = [[s.replace("ban", "bàn") for s in document] for document in healthy()]
    found = found_in(make_store(tmp_path, documents, keeps))
    assert "known without accents" in found["accent_mismatch"].seen


def test_unknown_characters_are_named(tmp_path, tokenizer) -> None:
    documents = [[s.replace("ban", "漢") for s in document] for document in healthy()]
    found = found_in(make_store(tmp_path, documents, tokenizer))
    assert set(found) == {"unknown_tokens"}
    assert "characters that the vocabulary lacks: 漢" in found["unknown_tokens"].seen


def test_unknown_words_are_shown_in_their_context_where_the_text_is_gone(
    tmp_path, tokenizer
) -> None:
    documents = [[s.replace("ban", "漢") for s in document] for document in healthy()]
    store = make_store(tmp_path, documents, tokenizer)
    (tmp_path / "text.txt").unlink()
    assert "as in “" in found_in(store)["unknown_tokens"].seen


def test_copies_of_documents_are_counted(tmp_path, tokenizer) -> None:
    documents = healthy()
    found = found_in(make_store(tmp_path, documents + documents[:100], tokenizer))
    assert set(found) == {"duplicate_documents"}
    assert "learned by heart" in found["duplicate_documents"].why
    assert found["duplicate_documents"].seen.startswith("25.0 % of train's documents are copies")


def test_copies_in_eval_are_told_by_what_they_do_to_results_and_not_to_training(
    tmp_path, tokenizer
) -> None:
    documents = healthy()
    store = make_store(tmp_path, documents, tokenizer, held_out=documents[:20] * 2)
    found = found_in(store)["duplicate_documents"]
    assert found.split == "eval"
    assert "held-out results count the same text several times" in found.why
    assert "learned" not in found.why


def test_sentences_that_stand_in_every_document_are_counted(tmp_path, tokenizer) -> None:
    notice = Text(seed=5).sentences(1, (60, 60))[0]
    documents = [[*document, notice] for document in healthy()]
    found = found_in(make_store(tmp_path, documents, tokenizer))
    assert set(found) == {"duplicate_sentences"}
    assert "300 times)" in found["duplicate_sentences"].seen


def with_a_word_changed(documents, seed=0):
    """One word of each sentence is another."""
    rng, words = np.random.default_rng(seed), word_list()
    changed = []
    for document in documents:
        changed.append([sentence.split(" ") for sentence in document])
        for sentence in changed[-1]:
            sentence[rng.integers(len(sentence))] = words[rng.integers(len(words))]
    return [[" ".join(sentence) for sentence in document] for document in changed]


def test_copies_with_a_word_changed_in_each_sentence_are_counted(tmp_path, tokenizer) -> None:
    documents = healthy()[:120]
    copies = [with_a_word_changed(documents, seed) for seed in (1, 2)]
    store = make_store(tmp_path, [*documents, *copies[0], *copies[1]], tokenizer)
    found = found_in(store)
    assert set(found) == {"near_duplicate_documents"}
    assert found["near_duplicate_documents"].seen.startswith("66.7 % of train's documents are ")
    remedy = found["near_duplicate_documents"].remedy
    assert "prepare it again with --near_duplicates 0.6 --shingle_words 2" in remedy


def test_what_the_warning_of_near_copies_names_takes_them_away(tmp_path, tokenizer) -> None:
    documents = healthy()[:60]
    text = write(tmp_path / "text.txt", [*documents, *with_a_word_changed(documents)])
    rules = CleaningRules(near_duplicates=0.6, shingle_words=2)
    options = {"eval_share": 0.2, "workers": 1}
    store = prepare([text], tokenizer, tmp_path / "store", cleaning=rules, **options)
    assert store.train.num_documents + store.eval.num_documents == 60


def test_a_vocabulary_that_is_much_too_large_is_never_seen(tmp_path, tokenizer) -> None:
    large = Tokenizer([*tokenizer.vocab, *(f"{w}x" for w in word_list())], tokenizer.rules)
    found = found_in(make_store(tmp_path, healthy(), large))
    assert set(found) == {"unseen_tokens"}
    assert "tokens (" in found["unseen_tokens"].seen


def test_the_tokeniser_of_another_language_splits_words(tmp_path, tokenizer) -> None:
    rng = np.random.default_rng(1)
    letters = list("aeioubdfgklmnprst")
    words = ["".join(rng.choice(letters, 7)) for _ in range(600)]
    documents = Text(words=words).documents(300)
    found = found_in(make_store(tmp_path, documents, tokenizer))
    assert "fertility" in found
    assert "a word takes" in found["fertility"].seen

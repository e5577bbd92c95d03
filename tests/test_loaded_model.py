"""What `bert_jax.load` returns: each head answers, and one that is missing is named."""

import numpy as np
import pytest
from inference_models import loaded_model

from bert_jax.errors import UserError
from bert_jax.head_config import HeadConfig
from bert_jax.inference.answer import best_span

LABELS = ("O", "PER", "LOC")


@pytest.fixture(scope="module")
def pretrained():
    return loaded_model()


def classifier(**fields):
    return loaded_model(HeadConfig(task="sequence_classification", labels=LABELS, **fields))


def test_attention_of_a_text_is_a_share_of_each_of_its_tokens(pretrained):
    found = pretrained.encode("the cats ran .", output_attentions=True)
    assert found.tokens == ["[CLS]", "the", "cat", "##s", "ran", ".", "[SEP]"]
    assert found.attentions.shape == (2, 4, 7, 7)
    np.testing.assert_allclose(found.attentions.sum(-1), 1, atol=1e-5)
    assert found.hidden_states is None
    assert found.states.shape == (7, 16)


def test_a_mask_is_one_token_to_those_who_look_inside_as_it_is_to_fill_mask(pretrained):
    found = pretrained.encode("the [MASK] sat", "on [MASK]")
    expected = ["[CLS]", "the", "[MASK]", "sat", "[SEP]", "on", "[MASK]", "[SEP]"]
    assert found.tokens == expected


def test_two_texts_are_encoded_with_their_types(pretrained):
    found = pretrained.encode("the cat", "ran", output_hidden_states=True)
    assert found.tokens == ["[CLS]", "the", "cat", "[SEP]", "ran", "[SEP]"]
    assert found.token_types.tolist() == [0, 0, 0, 0, 1, 1]
    assert found.hidden_states.shape == (3, 6, 16)
    np.testing.assert_array_equal(found.hidden_states[-1], found.states)


def test_pairs_are_scored_alike_alone_and_among_others(pretrained):
    pairs = [("the cat", "sat ."), ("the cat sat on the mat . the dog", "ran"), ("", "dog")]
    scores = pretrained.next_sentence(pairs)
    assert ((scores > 0) & (scores < 1)).all()
    assert len(set(scores.round(4))) == 3
    for pair, score in zip(pairs, scores, strict=True):
        assert pretrained.next_sentence([pair])[0] == pytest.approx(score, abs=1e-5)


def test_a_pair_that_is_too_long_is_cut_only_if_asked_the_longer_text_first(pretrained):
    pair = ("cat " * 40, "the dog")
    with pytest.raises(UserError, match=r"45 tokens .* 32 positions"):
        pretrained.next_sentence([pair])
    expected = pretrained.next_sentence([("cat " * 27, "the dog")])
    np.testing.assert_allclose(pretrained.next_sentence([pair], truncate=True), expected)


def test_what_is_too_long_is_named_with_what_helps(pretrained):
    long = "cat " * 40
    with pytest.raises(UserError) as error:
        pretrained.embed(["dog", long])
    assert str(error.value) == (
        f"texts[1]: the text {long[:40]!r}... has 42 tokens with [CLS] and [SEP]; the model has 32 "
        "positions: give a shorter one, or truncate=True"
    )
    with pytest.raises(UserError, match=r"^the text 'cat.* or truncate=True$"):
        pretrained.fill_mask("[MASK]".join([long, ""]))
    with pytest.raises(
        UserError,
        match=r"^pairs\[0\]: the text 'dog' of 1 token and 'cat .*'\.\.\. of 40 tokens have",
    ):
        pretrained.next_sentence([("dog", long)])
    asked = loaded_model(HeadConfig(task="question_answering"))
    with pytest.raises(UserError, match=r"^questions\[1\]: .* of 40 tokens .* a shorter one$"):
        asked.answer([("dog", "cat"), ("dog", long)])


def test_order_of_sentences_is_another_question_than_the_next_sentence():
    model = loaded_model(pair_task="sentence_order")
    assert model.sentence_order([("the cat", "dog")]).shape == (1,)
    with pytest.raises(UserError, match=r"no NSP head \(next sentence\); .* one for SOP"):
        model.next_sentence([("the cat", "dog")])


def test_classes_come_with_the_most_probable_first():
    model = classifier()
    alone, pair = model.classify("the cat"), model.classify([("the cat", "the dog")])
    for [found] in (alone, pair):
        scores = [label.score for label in found.labels]
        assert scores == sorted(scores, reverse=True)
        assert sum(scores) == pytest.approx(1, abs=1e-6)
        assert {label.label for label in found.labels} == set(LABELS)
    assert alone[0].to_line().startswith("the cat  ->  ")
    assert pair[0].to_dict()["second"] == "the dog"


def test_several_classes_may_hold_and_a_regression_gives_numbers():
    [many] = classifier(problem_type="multi_label_classification").classify("the cat")
    [numbers] = classifier(problem_type="regression").classify("the cat")
    logits = {label.label: label.score for label in numbers.labels}
    assert [label.label for label in numbers.labels] == list(LABELS)
    for label, score in many.labels:
        assert score == pytest.approx(1 / (1 + np.exp(-logits[label])), abs=1e-6)


def test_every_word_has_the_label_of_its_first_piece():
    model = loaded_model(HeadConfig(task="token_classification", labels=LABELS))
    [found] = model.tag("john's cats ran.")
    assert [word.word for word in found.words] == ["john", "'", "s", "cats", "ran", "."]
    assert [word.start for word in found.words] == [0, 4, 5, 7, 12, 15]
    [words] = model.tag([["cats", "\u200b", "ran"]])
    [alone] = model.tag(["cats ran"])
    assert [word[:3] for word in words.words] == [word[:3] for word in alone.words]
    assert [(word.start, word.end) for word in words.words] == [(0, 4), (7, 10)]
    assert words.to_line() == f"cats/{words.words[0].label} ran/{words.words[1].label}"
    assert model.tag(["", "the"])[0].words == []


def test_characters_that_the_tokenizer_drops_split_no_word():
    model = loaded_model(HeadConfig(task="token_classification", labels=LABELS))
    [plain, odd] = model.tag(["the cats", "the\u0301 ca\u00adt\u200cs"])
    assert [word.word for word in odd.words] == ["the\u0301", "ca\u00adt\u200cs"]
    for one, other in zip(plain.words, odd.words, strict=True):
        assert one.label == other.label
        assert one.probability == pytest.approx(other.probability, abs=1e-6)


def test_an_answer_is_a_stretch_of_its_context():
    model = loaded_model(HeadConfig(task="question_answering"))
    context = "the  cats ran on the mat, the dog sat."
    for longest in (1, 2, 30):
        [found] = model.answer([("the dog", context)], longest)
        assert found.answer == context[found.start : found.end]
        assert 0 < found.probability <= 1
        assert 1 <= len(model.tokenizer.encode_located(found.answer).spans) <= longest
    assert model.answer([("the dog", "")])[0].answer == ""


def test_the_best_span_is_in_order_and_no_longer_than_asked():
    starts, ends = np.array([0.0, 5, 1, 0]), np.array([7.5, 0, 3, 4])
    assert best_span(starts, ends, 30)[:2] == (1, 3)
    assert best_span(starts, ends, 2)[:2] == (1, 2)
    assert best_span(starts, ends, 1)[:2] == (0, 0)


def test_choices_share_their_probability_within_a_question():
    model = loaded_model(HeadConfig(task="multiple_choice"))
    questions = [("the cat", ["sat .", "ran on the mat", "dog"]), ("the dog", ["ran"])]
    first, second = model.choose(questions)
    assert sum(first.probabilities) == pytest.approx(1, abs=1e-6)
    assert second.probabilities == [1.0]
    assert model.choose(questions[:1])[0].probabilities == pytest.approx(
        first.probabilities, abs=1e-5
    )
    assert first.to_dict()["best"] == int(np.argmax(first.probabilities))
    with pytest.raises(UserError, match="has no choices"):
        model.choose([("the cat", [])])


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda m: m.classify("a"), "cannot classify texts, .* head for sequence classification"),
        (lambda m: m.tag("a"), "cannot label words"),
        (lambda m: m.answer([("a", "b")]), "cannot answer questions"),
        (lambda m: m.choose([("a", ["b"])]), "cannot choose"),
    ],
)
def test_a_head_that_is_missing_is_named_with_the_one_that_is_there(pretrained, ask, message):
    with pytest.raises(UserError, match=rf"{message}.* masked LM head and one for NSP"):
        ask(pretrained)


def test_a_classifier_fills_no_masks():
    with pytest.raises(UserError, match=r"cannot fill masks, .* a head for sequence class"):
        classifier().fill_mask("a [MASK]")


def test_texts_come_in_anything_with_an_order_and_none_is_no_row(pretrained):
    expected = pretrained.embed(["the cat", "ran"])
    for texts in ((text for text in ("the cat", "ran")), np.array(["the cat", "ran"])):
        np.testing.assert_array_equal(pretrained.embed(texts), expected)
    assert pretrained.embed([]).shape == (0, 16)
    assert pretrained.fill_mask([]) == []
    assert pretrained.next_sentence([]).shape == (0,)
    pairs = [("the cat", "ran"), ("dog", "sat")]
    np.testing.assert_array_equal(
        pretrained.next_sentence(iter(pairs)), pretrained.next_sentence(np.array(pairs))
    )


def test_how_far_it_is_is_told(pretrained):
    told = []
    pretrained.embed(["the cat"] * 300, advance=told.append)
    assert sum(told) == 300
    assert len(told) > 1


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("embed", (None,), "texts is None"),
        ("embed", ([1],), r"texts\[0\] is 1 \(int\)"),
        ("fill_mask", (3,), r"texts is 3 \(int\)"),
        ("fill_mask", ("[MASK]", "5"), "top_k is '5'; it must be a whole number"),
        ("next_sentence", ("a",), r"pairs is 'a' \(str\)"),
        ("encode", (3,), r"text is 3 \(int\)"),
        ("encode", ("a", 3), r"second is 3 \(int\)"),
    ],
)
def test_what_is_no_text_is_an_error_of_every_method(pretrained, name, arguments, message):
    with pytest.raises(UserError, match=message):
        getattr(pretrained, name)(*arguments)


@pytest.mark.parametrize(
    ("task", "name", "arguments", "message"),
    [
        ("sequence_classification", "classify", ([("a",)],), r"texts\[0\] is \('a',\) \(tuple\)"),
        ("token_classification", "tag", ([b"a"],), r"texts\[0\] is b'a' \(bytes\)"),
        ("question_answering", "answer", ("a",), r"questions is 'a' \(str\)"),
        ("question_answering", "answer", ([("a", "b")], 0), "longest is 0; it must be a whole"),
        ("multiple_choice", "choose", ([("a", "b")],), r"questions\[0\] is \('a', 'b'\) \(tuple\)"),
    ],
)
def test_what_is_no_question_is_an_error_of_every_head(task, name, arguments, message):
    labels = LABELS if task.endswith("classification") else ()
    model = loaded_model(HeadConfig(task=task, labels=labels))
    with pytest.raises(UserError, match=message):
        getattr(model, name)(*arguments)

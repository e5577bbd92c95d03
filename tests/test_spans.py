"""A text that is given as its words."""

from inference_models import loaded_model

from bert_jax.inference.spans import join_words


def test_words_are_encoded_one_by_one_and_stand_with_a_space_between() -> None:
    tokenizer = loaded_model().tokenizer
    ids, spans, owners = join_words(tokenizer, ["the cat", "\u200b", "dogs"])
    assert [tokenizer.readable_token(i) for i in ids] == ["the", "cat", "dog", "##s"]
    assert spans == [(0, 7), (8, 9), (10, 14)]
    assert owners.tolist() == [0, 0, 2, 2]
    assert join_words(tokenizer, [])[:2] == ([], [])

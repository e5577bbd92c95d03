"""Starting from another model's weights: which will do, and that its weights are taken."""

import dataclasses
import json
import shutil
import tempfile
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from converted import small_tokenizer
from models import random_params, small_config
from test_convert_read import google_folder

from bert_jax.checkpoint import Checkpoints
from bert_jax.config_file import config_json, read_config_file
from bert_jax.convert.layout import flatten, places, to_theirs
from bert_jax.convert.model import Model, Weights
from bert_jax.convert.names import BERT
from bert_jax.convert.safetensors_writer import write_safetensors
from bert_jax.errors import UserError
from bert_jax.head_config import HeadConfig
from bert_jax.inference.load import load
from bert_jax.recipes.init_from import (
    Source,
    about_source,
    check_drawn,
    check_numbers,
    check_source,
    facts_of,
    find_source,
    read_weights,
    shape_to_take,
)
from bert_jax.recipes.init_new import new_weights, unused_weights
from bert_jax.recipes.run_folder import write_json
from bert_jax.train_step import TrainState
from data_pipeline.tokenization.rules import Rules
from data_pipeline.tokenization.tokenizer import Tokenizer, load_tokenizer

LETTERS = "abcdefghijklmnopqrstuvwxyz"
HEAD = HeadConfig()
WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *LETTERS, *(f"##{c}" for c in LETTERS)]


@pytest.fixture(scope="module")
def config(tiny_run):
    return read_config_file(tiny_run.run_dir / "config.json")[0]


@pytest.fixture(scope="module")
def tokenizer(tiny_run):
    return load_tokenizer(tiny_run.store / "tokenizer")


def words(*more):
    return Tokenizer([*WORDS, *more], Rules(False))


def save_run(folder, config, tokenizer, params, step=3):
    with Checkpoints(folder / "checkpoints") as checkpoints:
        checkpoints.save(step, TrainState(jnp.int32(step), params, ()))
        checkpoints.wait()
    (folder / "config.json").write_text(config_json(config))
    tokenizer.save(folder / "tokenizer")
    return folder


def save_hugging_face(folder, config, tokenizer, params, head=None):
    """Config, weights and tokeniser in the layout of transformers."""
    head = head or HeadConfig()
    tokenizer.save(folder)
    values = {"model_type": "bert", "id2label": {"0": "no", "1": "yes"}}
    if head.task == "sequence_classification":
        values["architectures"] = ["BertForSequenceClassification"]
    (folder / "config.json").write_text(json.dumps(dataclasses.asdict(config) | values))
    write_safetensors(folder, to_theirs(places(config, head, BERT), params))
    return folder


def zeros_like(params):
    """Zeros on another device."""
    return jax.tree.map(lambda leaf: jax.device_put(np.zeros_like(leaf), jax.devices()[1]), params)


def test_without_a_source_there_is_none(tmp_path):
    assert find_source(None, tmp_path) is None
    assert shape_to_take(None, tmp_path) is None


def test_a_run_of_the_same_model_gives_its_newest_weights(tiny_run, config, tokenizer, tmp_path):
    found = check_source(find_source(str(tiny_run.run_dir), tmp_path), config, tokenizer)
    assert (found.name, found.model.step) == (str(tiny_run.run_dir), 4)
    assert shape_to_take(tiny_run.run_dir, tmp_path) == config
    wanted = load(tiny_run.run_dir).params
    params = read_weights(found, config, zeros_like(wanted))
    jax.tree.map(np.testing.assert_array_equal, params, wanted)
    assert jax.tree.leaves(params)[0].sharding == jax.tree.leaves(zeros_like(wanted))[0].sharding


@pytest.mark.parametrize("save", [save_run, save_hugging_face])
@pytest.mark.parametrize(
    ("theirs", "ours", "new", "unused"),
    [
        ("next_sentence", "next_sentence", (), ()),
        ("next_sentence", "sentence_order", ("cls/seq_relationship",), ()),
        ("next_sentence", "none", (), ("bert/pooler", "cls/seq_relationship")),
        ("none", "sentence_order", ("bert/pooler", "cls/seq_relationship"), ()),
        ("none", "none", (), ()),
    ],
)
def test_a_model_of_another_objective_gives_what_means_the_same(
    save, theirs, ours, new, unused, tmp_path
):
    size = len(WORDS)
    theirs, ours = (small_config(pair_task=p, vocab_size=size) for p in (theirs, ours))
    saved = random_params(theirs)
    folder = save(tmp_path / "model", theirs, words(), saved)
    source = check_source(find_source(folder, tmp_path / "run"), ours, words())
    model = source.model
    assert (new_weights(model, ours), unused_weights(model, ours)) == (new, unused)
    made = zeros_like(random_params(ours))
    found, saved = flatten(read_weights(source, ours, made)), flatten(saved)
    assert found.keys() == flatten(made).keys()
    for name, leaf in found.items():
        wanted = np.zeros_like(leaf) if name.startswith(new) else saved[name]
        rows = size if name.endswith(("word_embeddings", "predictions/bias")) else None
        np.testing.assert_array_equal(leaf[:rows], wanted[:rows], err_msg=name)
    assert jax.tree.leaves(made)[0].sharding == next(iter(found.values())).sharding


def test_a_classifier_gives_its_encoder_and_says_what_begins_at_random(tmp_path):
    head = HeadConfig(task="sequence_classification", labels=("no", "yes"))
    config = small_config(vocab_size=len(WORDS), pair_task="none")
    from test_task_heads import random_params as params_of

    params = params_of(config, head)
    folder = save_hugging_face(tmp_path / "model", config, words(), params, head)
    source = check_source(find_source(folder, tmp_path / "run"), config, words())
    new, unused = "cls/predictions", "bert/pooler and classifier/bias and classifier/kernel"
    assert new_weights(source.model, config) == (new,)
    unneeded, fresh, *_ = about_source(source, config)
    assert unneeded.endswith(f"takes all weights but {unused}, which this run does not need")
    assert fresh.endswith(f"takes all weights that it has; {new} start at random")


def drawn(theirs, ours, *init_new, recorded=None, **fields):
    """What `check_drawn` says of first weights of one objective for a run of another."""
    theirs, ours = (small_config(pair_task=task) for task in (theirs, ours))
    ours = dataclasses.replace(ours, **fields)
    source = Source("there", Model("run", Path("there"), Weights(theirs, HEAD, dict), words()))
    with tempfile.TemporaryDirectory() as run_dir:
        if recorded is not None:
            facts = {
                "data": {"fingerprint": "feed"},
                "init_from": {"model": "there", "new_weights": recorded},
            }
            write_json(Path(run_dir) / "provenance.json", facts)
        try:
            check_drawn(source, ours, init_new, Path(run_dir))
        except UserError as error:
            return str(error)
    return None


def test_what_is_not_there_is_drawn_only_if_it_is_named():
    said = drawn("none", "next_sentence")
    assert "--init_from there lacks 4 weights of this run: bert.pooler.dense.bias, " in said
    assert "add --init_new 'bert.pooler.*' --init_new 'cls.seq_relationship.*'" in said
    said = drawn("none", "next_sentence", "bert.pooler.*")
    assert said.endswith("start at random, add --init_new 'cls.seq_relationship.*'")
    assert drawn("none", "next_sentence", "bert.pooler.*", "cls.seq_relationship.*") is None
    assert drawn("none", "next_sentence", "*") is None
    assert drawn("next_sentence", "next_sentence") is None
    assert drawn("next_sentence", "none") is None


def test_a_head_for_pairs_of_another_task_is_not_there():
    said = drawn("next_sentence", "sentence_order")
    assert "lacks 2 weights of this run: cls.seq_relationship" in said
    assert "its head for pairs is of NSP" in said
    assert drawn("next_sentence", "sentence_order", "cls.*") is None


def test_a_pattern_that_fits_nothing_that_is_missing_is_an_error():
    said = drawn("none", "next_sentence", "*", "cls.predictions.*")
    assert said.startswith("--init_new 'cls.predictions.*' fits no weight that is missing; ")
    assert drawn("none", "none", "cls.*").endswith("--init_from there lacks nothing")


def test_what_a_run_was_begun_with_need_not_be_named_again():
    parts = ["bert/pooler", "cls/seq_relationship"]
    assert drawn("none", "next_sentence", recorded=parts) is None
    assert "lacks 2 weights" in drawn("none", "next_sentence", recorded=parts[:1])


def test_a_table_of_token_types_is_drawn_alone_where_a_model_knows_none(tmp_path):
    theirs = small_config(pair_task="none", vocab_size=len(WORDS), type_vocab_size=0)
    ours = dataclasses.replace(theirs, type_vocab_size=2)
    params = random_params(theirs)
    folder = save_run(tmp_path / "model", theirs, words(), params)
    source = check_source(find_source(folder, tmp_path / "run"), ours, words())
    with pytest.raises(UserError, match=r"add --init_new 'bert\.embeddings\.token_type_emb.*\.\*'"):
        check_drawn(source, ours, (), tmp_path / "run")
    check_drawn(source, ours, ("bert.embeddings.token_type_embeddings.*",), tmp_path / "run")
    made = zeros_like(random_params(ours))
    found, saved = flatten(read_weights(source, ours, made)), flatten(params)
    new = "bert/embeddings/token_type_embeddings"
    assert new_weights(source.model, ours) == (new,)
    assert not np.asarray(found.pop(new)).any()
    for name, leaf in found.items():
        np.testing.assert_array_equal(leaf, saved[name], err_msg=name)


@pytest.mark.parametrize("save", [save_run, save_hugging_face])
def test_new_words_begin_as_the_mean_of_their_pieces_and_old_rows_stay(save, tmp_path):
    config = small_config(vocab_size=len(WORDS))
    ours = dataclasses.replace(config, vocab_size=len(WORDS) + 2)
    params = random_params(config)
    folder = save(tmp_path / "model", config, words(), params)
    source = check_source(find_source(folder, tmp_path / "run"), ours, words("ab", "cab"))
    found = read_weights(source, ours, zeros_like(random_params(ours)))
    for path in ("bert/embeddings/word_embeddings", "cls/predictions/bias"):
        old, new = flatten(params)[path], np.asarray(flatten(found)[path])
        np.testing.assert_array_equal(new[: len(WORDS)], old[: len(WORDS)])
        pieces = [WORDS.index(piece) for piece in ("c", "##a", "##b")]
        wanted = old[pieces].astype(np.float64).mean(0).astype(np.float32)
        np.testing.assert_array_equal(new[len(WORDS) + 1], wanted)
        assert not new[len(WORDS) + 2 :].any()
    assert facts_of(source, ours)["new_words"] == 2
    assert any("2 new words" in line for line in about_source(source, ours))


@pytest.mark.parametrize("save", [save_run, save_hugging_face])
def test_weights_that_are_not_finite_are_found_before_the_run_is_begun(save, tmp_path):
    config = small_config(vocab_size=len(WORDS))
    params = random_params(config)
    params["bert"]["pooler"]["bias"][3] = np.nan
    folder = save(tmp_path / "model", config, words(), params)
    source = check_source(find_source(folder, tmp_path / "run"), config, words())
    with pytest.raises(UserError, match=r"--init_from .*: 1 value is NaN or infinite, in .*pooler"):
        check_numbers(source)


def test_a_folder_that_is_missing_or_no_model_is_named(tmp_path):
    with pytest.raises(UserError, match=r"--init_from .*nowhere is no model: there is no such"):
        find_source(tmp_path / "nowhere", tmp_path)
    with pytest.raises(UserError, match=r"--init_from .* it has no config\.json"):
        find_source(tmp_path, tmp_path / "run")


def test_a_model_without_a_tokeniser_is_refused(tmp_path):
    config = small_config(vocab_size=len(WORDS))
    folder = save_hugging_face(tmp_path / "model", config, words(), random_params(config))
    for name in ("vocab.txt", "tokenizer.json", "tokenizer_config.json"):
        (folder / name).unlink()
    with pytest.raises(UserError, match="has no tokeniser"):
        find_source(folder, tmp_path / "run")


def test_another_model_is_refused_with_the_difference(tiny_run, config, tokenizer, tmp_path):
    other = tmp_path / "other"
    shutil.copytree(tiny_run.run_dir, other)
    values = json.loads((other / "config.json").read_text())
    write_json(other / "config.json", values | {"hidden_act": "gelu_new"})
    source = find_source(other, tmp_path / "run")
    with pytest.raises(UserError, match="hidden_act is 'gelu_new' there and 'gelu' here"):
        check_source(source, config, tokenizer)


def test_dropout_and_how_weights_are_drawn_may_be_other(tiny_run, config, tokenizer, tmp_path):
    other = tmp_path / "other"
    shutil.copytree(tiny_run.run_dir, other)
    values = json.loads((other / "config.json").read_text())
    changed = {"hidden_dropout_prob": 0.4, "initializer_range": 0.5}
    write_json(other / "config.json", values | changed)
    source = check_source(find_source(other, tmp_path / "run"), config, tokenizer)
    assert source.model.config.hidden_dropout_prob == 0.4


def test_another_tokeniser_of_the_same_size_is_refused(tiny_run, config, tokenizer, tmp_path):
    vocab = list(tokenizer.vocab)
    vocab[-2:] = reversed(vocab[-2:])
    source = find_source(tiny_run.run_dir, tmp_path)
    with pytest.raises(UserError, match="has another tokeniser than the data"):
        check_source(source, config, Tokenizer(vocab, tokenizer.rules))


def test_a_run_without_a_checkpoint_is_refused(tiny_run, tmp_path):
    other = tmp_path / "other"
    shutil.copytree(tiny_run.run_dir, other)
    for step in ("2", "4"):
        shutil.rmtree(other / "checkpoints" / step)
    with pytest.raises(UserError, match="has no checkpoint yet"):
        find_source(other, tmp_path / "run")


@pytest.mark.parametrize("key", ["model", "run"])
def test_a_run_that_was_begun_otherwise_is_refused(tiny_run, tmp_path, key):
    source = tiny_run.run_dir
    write_json(
        tmp_path / "provenance.json",
        {"data": {"fingerprint": "feed"}, "init_from": {key: str(source), "step": 4}},
    )
    assert find_source(source, tmp_path).model.step == 4
    with pytest.raises(UserError, match=f"begun with --init_from {source}, .* with new weights"):
        find_source(None, tmp_path)
    write_json(tmp_path / "provenance.json", {"data": {"fingerprint": "feed"}})
    with pytest.raises(UserError, match=f"begun with new weights, .* with --init_from {source}"):
        find_source(source, tmp_path)


def test_a_release_whose_vocabulary_does_not_say_its_case_has_a_remedy_that_is_one(tmp_path):
    google_folder(tmp_path / "release")
    (tmp_path / "release" / "vocab.txt").write_text("\n".join(small_tokenizer().vocab))
    with pytest.raises(UserError) as caught:
        find_source(str(tmp_path / "release"), tmp_path / "run")
    assert f"bert-jax convert {tmp_path / 'release'} NEW_FOLDER --uncased" in str(caught.value)

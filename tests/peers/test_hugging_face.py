"""Our model and tokeniser against Hugging Face's, in PyTorch."""

import jax
import numpy as np
import pytest
import torch
from head_cases import Case
from hugging_face import peer_config, peer_model, peer_outputs, peer_places, run_peer
from models import random_batch, random_params, small_config
from transformers import AutoTokenizer, BertForPreTraining
from transformers import BertConfig as PeerConfig

from bert_jax import pretraining
from bert_jax.config import MODEL_SIZES, BertConfig, ComputeConfig
from bert_jax.config_file import config_json
from bert_jax.convert.layout import to_theirs
from bert_jax.head_config import HeadConfig
from bert_jax.heads import BertForPreTraining as OurModel
from bert_jax.parameters import count_parameters
from data_pipeline.tokenization.vocabulary import train_wordpiece

EXACT = ComputeConfig(matmul_precision="highest")


def pretraining_case(config):
    return Case("bert", "pretraining", config, HeadConfig())


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def their_inputs(batch, **labels):
    names = ("input_ids", "token_type_ids", "attention_mask")
    return {name: batch[name] for name in names} | labels


@pytest.mark.parametrize("activation", ["gelu", "gelu_new"])
@pytest.mark.parametrize("scan_layers", [True, False])
def test_scores_of_both_heads_are_those_of_hugging_face(activation, scan_layers):
    config = small_config(hidden_act=activation)
    params, batch = random_params(config), random_batch()
    compute = ComputeConfig(matmul_precision="highest", scan_layers=scan_layers)
    ours = OurModel(config, compute).apply(
        {"params": params},
        batch["input_ids"],
        batch["token_type_ids"],
        batch["attention_mask"],
        batch["masked_lm_positions"],
        dropout_seeds=None,
    )
    case = pretraining_case(config)
    with torch.no_grad():
        _, theirs = peer_outputs(case, peer_model(case, params), their_inputs(batch))
    rows = np.arange(len(batch["input_ids"]))[:, None]
    expected = theirs["logits"].numpy()[rows, batch["masked_lm_positions"]]
    found = np.asarray(ours.predictions.logits())[..., : config.vocab_size]
    np.testing.assert_allclose(found, expected, atol=2e-5, rtol=1e-5)
    np.testing.assert_allclose(
        ours.next_sentence_logits, theirs["pair_logits"].numpy(), atol=2e-5, rtol=1e-5
    )


def test_loss_and_gradients_are_those_of_hugging_face():
    config = small_config()
    params, batch = random_params(config), distinct_positions(random_batch())
    sums, totals = pretraining.make_sums(config, EXACT), pretraining.make_counts(config)(batch)

    def loss(params):
        found = sums(params, batch, None)
        return sum(found[name][0] / totals[name] for name in totals)

    value, gradients = jax.jit(jax.value_and_grad(loss))(params)

    labels = np.full(batch["input_ids"].shape, -100)
    used = batch["masked_lm_weights"] > 0
    rows = np.broadcast_to(np.arange(len(labels))[:, None], used.shape)
    labels[rows[used], batch["masked_lm_positions"][used]] = batch["masked_lm_ids"][used]
    case = pretraining_case(config)
    inputs = their_inputs(batch, labels=labels, next_sentence_label=batch["next_sentence_labels"])
    their_loss, _, expected = run_peer(case, peer_model(case, params), inputs)

    np.testing.assert_allclose(value, their_loss, rtol=1e-6)
    ours = to_theirs(peer_places(case), jax.device_get(gradients))
    assert set(expected) == set(ours)
    for name, gradient in expected.items():
        np.testing.assert_allclose(ours[name], gradient, atol=1e-6, rtol=1e-4, err_msg=name)


def distinct_positions(batch):
    """The same batch where no position of a row is masked twice: PyTorch has one label for each."""
    predictions = batch["masked_lm_positions"].shape[1]
    positions = np.arange(1, predictions + 1)[None] * (batch["masked_lm_weights"] > 0)
    return {**batch, "masked_lm_positions": positions.astype(np.int32)}


@pytest.mark.parametrize("size", MODEL_SIZES)
def test_a_model_of_each_size_has_as_many_weights_as_hugging_faces(size):
    config = BertConfig.of_size(size)
    with torch.device("meta"):
        model = BertForPreTraining(peer_config(config))
    assert count_parameters(config) == sum(value.numel() for value in model.parameters())


def test_our_config_json_is_read_by_transformers(tmp_path):
    config = small_config(hidden_act="gelu_new", hidden_dropout_prob=0.2)
    (tmp_path / "config.json").write_text(config_json(config))
    theirs = PeerConfig.from_pretrained(tmp_path)
    wanted = peer_config(config).to_dict()
    assert {name: theirs.to_dict()[name] for name in vars(config)} == {
        name: wanted[name] for name in vars(config)
    }


@pytest.mark.parametrize("cased", [False, True])
def test_our_tokenizer_folder_is_read_by_transformers(tmp_path, cased):
    lines = [
        "The quick brown fox jumps over the lazy dog, twice.",
        "Déjà vu: naïve cafés, 3.14 and 10,000 ÅNGSTRÖM units!",
        "東京 is written with two characters; don't split can't wrongly.",
    ]
    ours = train_wordpiece(lines * 20, size=150, cased=cased)
    ours.save(tmp_path)
    theirs = AutoTokenizer.from_pretrained(tmp_path)
    assert theirs.vocab_size == ours.vocab_size
    for line in [*lines, "An unseen word: zyzzyva \u2603\ufe0f \t tabs", ""]:
        assert theirs.encode(line, add_special_tokens=False) == ours.encode(line)
    text = f"The [MASK] fox {lines[1]}"
    assert theirs.encode(text, add_special_tokens=False) == ours.encode_with_masks(text)
    assert theirs.mask_token_id == ours.mask_id
    assert theirs.encode("fox", "dog") == [
        *(ours.cls_id, *ours.encode("fox"), ours.sep_id),
        *(*ours.encode("dog"), ours.sep_id),
    ]

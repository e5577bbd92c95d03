"""What `bert-jax inspect` says of a model that is no run, and of one that cannot be opened."""

import json
import os
import shutil

import ml_dtypes
import numpy as np
import pytest
from converted import change_config, change_tensors, small_folder
from data_commands import error_of
from test_convert_read import CONFIG, google_folder
from test_task_heads import HEADS

from bert_jax import cli
from bert_jax.convert.layout import count_weights
from bert_jax.convert.open_model import open_model
from bert_jax.errors import UserError
from bert_jax.head_config import HeadConfig
from bert_jax.recipes.inspect_model import model_facts
from bert_jax.recipes.show_model import show_model
from data_pipeline.tokenization.rules import Rules
from data_pipeline.tokenization.sentencepiece_vocabulary import train_sentencepiece
from data_pipeline.tokenization.text_tokenizer import SPECIALS


def test_a_folder_is_said_to_be_what_it_opens_as(tmp_path, capsys):
    small_folder(tmp_path / "m", tokenizer=True)
    assert cli.main(["inspect", str(tmp_path / "m"), "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    opened = open_model(tmp_path / "m")
    assert (facts["kind"], facts["layout"], facts["model_type"]) == (
        "model",
        "hugging_face",
        "bert",
    )
    assert facts["config"] == vars(opened.config)
    assert facts["parameters"] == count_weights(opened.config, opened.head)
    assert facts["parameters"] == sum(facts["parameters_by_part"].values())
    # Words, positions, types, and LayerNorm's two.
    assert facts["parameters_by_part"]["embeddings"] == (130 + 32 + 2 + 2) * 16
    assert facts["parameters_by_part"]["pooler"] == 17 * 16
    assert facts["parameters"] - facts["parameters_without_embeddings"] == 166 * 16
    assert facts["weights"]["numbers"] == {"float32": facts["parameters"]}
    size = (tmp_path / "m" / "model.safetensors").stat().st_size
    assert facts["weights"]["files"] == {"model.safetensors": size}
    assert facts["tokenizer"]["kind"] == "wordpiece"
    assert facts["tokenizer"]["special_tokens"]["mask_token"] == {"token": "[MASK]", "id": 4}
    assert facts["opens"] is True
    assert facts["problems"] == []
    assert "tensors" not in facts


def test_a_release_of_google_has_its_slots_its_steps_and_the_looks_of_its_vocabulary(tmp_path):
    google_folder(tmp_path / "m", slots=True)
    (tmp_path / "m" / "vocab.txt").write_text("\n".join([*SPECIALS, *map(str, range(125))]))
    for name in ("", "bert_model.ckpt"):
        facts = model_facts(tmp_path / "m" / name)
        assert facts["opens"]
        assert facts["layout"] == "google"
        assert facts["known"] == {"steps": 7}
        assert facts["weights"]["numbers"] == {"float32": facts["parameters"]}
        assert facts["weights"]["files"].keys() == {
            "bert_model.ckpt.index",
            "bert_model.ckpt.data-00000-of-00001",
        }
        assert len(facts["left"]["of the optimiser's slots"]) == 2 * facts["weights"]["tensors"]
        assert facts["tokenizer"]["cased"] is False
        assert facts["tokenizer"]["says_its_case"] is False
        assert "uncased by its looks" in show_model(facts)


def test_the_difference_is_there_in_full_with_every_name(tmp_path):
    small_folder(tmp_path / "m")

    def change(tensors):
        del tensors["cls.predictions.bias"]
        gone = {name: array for name, array in tensors.items() if "attention" not in name}
        gone["bert.pooler.dense.bias"] = np.ones(9, np.float32)
        gone["cls.predictions.transform.dense.bias"] = np.ones(16, np.int32)
        return {**gone, "more.weight": np.ones(3, np.float32)}

    change_tensors(tmp_path / "m", change)
    facts = model_facts(tmp_path / "m")
    difference = facts["difference"]
    assert len(difference["missing"]) == 1 + 2 * 10
    assert difference["unexpected"] == ["more.weight"]
    assert difference["misshapen"] == {"bert.pooler.dense.bias": [[9], [16]]}
    assert difference["unfit"] == {"cls.predictions.transform.dense.bias": "int32"}
    assert facts["opens"] is False
    text = show_model(facts)
    assert all(f"  {name}\n" in text for name in difference["missing"])
    assert "bert.pooler.dense.bias is [9] and must be [16]" in text
    with pytest.raises(UserError, match="and 15 more"):  # as others are told it
        open_model(tmp_path / "m")


def test_a_head_of_other_names_is_said_to_be_missing_beside_what_the_config_names(tmp_path):
    small_folder(tmp_path / "m", HEADS["sequence_classification"])

    def change(tensors):
        return {name.replace("classifier.", "score."): a for name, a in tensors.items()}

    change_tensors(tmp_path / "m", change)
    text = show_model(model_facts(tmp_path / "m"))
    assert "head        none\n" in text
    assert "(its config names a class for sequence classification)\n" in text
    assert "unexpected  2:\n              score.bias\n              score.weight\n" in text
    assert "tokeniser   none\n" in text


def test_each_thing_that_is_wrong_is_said_beside_what_is_known(tmp_path, capsys):
    small_folder(tmp_path / "m", tokenizer=True)
    change_config(tmp_path / "m", model_type="t5")
    facts = model_facts(tmp_path / "m")
    assert facts["config"] is None
    assert facts["weights"]["tensors"] > 30
    assert "model_type is 't5'" in facts["problems"][0]
    change_config(tmp_path / "m", model_type="bert")
    (tmp_path / "m" / "model.safetensors").unlink()
    (tmp_path / "m" / "vocab.txt").write_text("a")
    facts = model_facts(tmp_path / "m")
    assert facts["config"]["hidden_size"] == 16
    assert facts["weights"] is facts["head"] is facts["parameters"] is facts["tokenizer"] is None
    assert "has no weights" in facts["problems"][0]
    assert "the added token '[PAD]'" in facts["problems"][1]
    assert not facts["opens"]
    assert "has no weights" in " ".join(show_model(facts).split())
    change_config(tmp_path / "m", model_type="t5")
    assert "has no weights" in error_of(capsys, "inspect", tmp_path / "m")


def test_a_tokeniser_that_does_not_belong_is_shown_and_said(tmp_path):
    small_folder(tmp_path / "m", tokenizer=True)
    change_config(tmp_path / "m", vocab_size=100)
    facts = model_facts(tmp_path / "m")
    assert facts["tokenizer"]["vocab_size"] == 130
    assert "130 tokens and the model 100" in facts["problems"][0]
    assert "cls.predictions.bias" in facts["difference"]["misshapen"]


def test_a_checkpoint_of_a_classifier_of_what_nobody_says_is_shown(tmp_path):
    google_folder(
        tmp_path / "m",
        HEADS["sequence_classification"],
        config={**CONFIG, "num_labels": 3},
    )
    facts = model_facts(tmp_path / "m", weights=True)
    assert "give --head" in facts["problems"][0]
    assert "output_weights" in {tensor["name"] for tensor in facts["tensors"]}
    assert facts["parameters"] is None


def test_a_sentence_encoder_says_how_it_makes_a_vector(tmp_path):
    head = HeadConfig(task="encoder", has_pooler=False, pooling="mean", normalize=True)
    small_folder(tmp_path / "m", head)
    facts = model_facts(tmp_path / "m")
    assert facts["sentences"] == {
        "pooling": "mean",
        "normalize": True,
        "max_length": 32,
        "lowercase": False,
        "prompts": {},
        "default_prompt": None,
        "include_prompt": True,
    }
    assert facts["head"]["pooling"] == "mean"
    text = show_model(facts)
    assert "a vector is the mean of all tokens, divided by its length" in text


@pytest.mark.parametrize("model_type", ["unigram", "bpe"])
def test_a_tokeniser_of_sentencepieces_says_which(model_type, tmp_path):
    small_folder(tmp_path / "m")
    words = train_sentencepiece(
        ["ab ba aab bba"] * 9, 12, Rules(cased=False), model_type=model_type
    )
    words.tokenizer.save(tmp_path / "words")
    shutil.copytree(tmp_path / "words", tmp_path / "m", dirs_exist_ok=True)
    facts = model_facts(tmp_path / "m")
    assert facts["tokenizer"]["kind"] == "sentencepiece"
    assert facts["tokenizer"]["model_type"] == model_type
    shown = {"unigram": "SentencePiece unigram", "bpe": "SentencePiece BPE"}[model_type]
    assert f"{shown}, {words.tokenizer.vocab_size} tokens, uncased" in show_model(facts)


def test_the_card_says_what_its_author_knew(tmp_path):
    small_folder(tmp_path / "m")
    (tmp_path / "m" / "README.md").write_text(
        "---\nlicense: mit\nlanguage: [en, de]\ndatasets: [own/text]\nmodel-index:\n"
        "- name: m\n  results:\n  - task: {type: fill-mask}\n    dataset: {type: x, name: held out}"
        "\n    metrics:\n    - {type: loss, value: 2.5}\n    - {type: f1, value: none}\n---\n"
    )
    facts = model_facts(tmp_path / "m")
    assert facts["known"] == {
        "license": "mit",
        "languages": ["en", "de"],
        "datasets": ["own/text"],
        "results": [{"name": "loss, held out", "metric": "loss", "value": 2.5}],
    }
    text = show_model(facts)
    assert "licence mit; language en, de; data own/text" in text
    assert "loss, held out: 2.5" in text


def test_weights_are_measured_one_by_one_and_what_is_broken_is_seen(tmp_path, capsys):
    small_folder(tmp_path / "m")
    name, dead = "bert.encoder.layer.1.output.dense.weight", "cls.predictions.bias"

    def change(tensors):
        tensors[name][2, 3:5] = np.nan, np.inf
        tensors[dead][:] = 0
        return tensors | {"bert.pooler.dense.weight": np.eye(16).astype(ml_dtypes.bfloat16)}

    change_tensors(tmp_path / "m", change)
    assert cli.main(["inspect", str(tmp_path / "m"), "--weights", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    tensors = {tensor["name"]: tensor for tensor in facts["tensors"]}
    assert len(tensors) == facts["weights"]["tensors"]
    assert (tensors[name]["nan"], tensors[name]["infinite"]) == (1, 1)
    assert tensors["bert.pooler.dense.weight"]["dtype"] == "bfloat16"
    assert tensors["bert.pooler.dense.weight"]["mean"] == 1 / 16
    assert tensors[dead]["constant"] is True
    assert cli.main(["inspect", str(tmp_path / "m"), "--weights"]) == 0
    out = capsys.readouterr().out
    assert f"1 tensor with numbers that are none:\n  {name}: 1 NaN, 1 infinite of 512\n" in out
    assert f"1 tensor all 0:\n  {dead}\n" in out
    assert max(map(len, out.splitlines())) <= 80


def test_one_tensor_that_is_damaged_hides_no_other(tmp_path):
    google_folder(tmp_path / "m", slots=True)
    data = tmp_path / "m" / "bert_model.ckpt.data-00000-of-00001"
    content = bytearray(data.read_bytes())
    content[-5] ^= 1  # global_step and a tensor of the end are not the same
    content[0] ^= 1
    data.write_bytes(content)
    facts = model_facts(tmp_path / "m", weights=True)
    broken = [tensor["name"] for tensor in facts["tensors"] if tensor["dtype"] is None]
    assert 1 <= len(broken) <= 2
    assert all(any(name in problem for problem in facts["problems"]) for name in broken)
    assert facts["parameters"]
    assert not facts["opens"]


def test_weights_say_where_two_names_of_one_weight_disagree(tmp_path):
    small_folder(tmp_path / "m")
    change_tensors(
        tmp_path / "m",
        lambda tensors: (
            tensors
            | {
                "cls.predictions.decoder.weight": tensors["bert.embeddings.word_embeddings.weight"]
                + 1
            }
        ),
    )
    assert model_facts(tmp_path / "m")["opens"]
    facts = model_facts(tmp_path / "m", weights=True)
    assert "is not equal to" in facts["problems"][0]
    assert not facts["opens"]


def test_a_model_in_a_folder_of_checkpoints_is_a_model(tmp_path, capsys):
    google_folder(tmp_path / "checkpoints")
    shutil.copytree(tmp_path / "checkpoints", tmp_path / "other" / "checkpoints" / "mine")
    for path in (tmp_path / "checkpoints", tmp_path / "other" / "checkpoints" / "mine"):
        assert cli.main(["inspect", str(path), "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["layout"] == "google"


def test_a_link_that_leads_nowhere_and_a_tokeniser_that_is_a_pipe_are_said(tmp_path, capsys):
    small_folder(tmp_path / "m", tokenizer=True)
    (tmp_path / "m" / "vocab.txt").unlink()
    os.mkfifo(tmp_path / "m" / "vocab.txt")
    problems = model_facts(tmp_path / "m")["problems"]
    assert any("vocab.txt is no regular file but a named pipe" in each for each in problems)
    (tmp_path / "m" / "config.json").unlink()
    (tmp_path / "m" / "config.json").symlink_to("config.json")
    said = error_of(capsys, "inspect", tmp_path / "m")
    assert "config.json is no regular file but a link that leads nowhere" in said

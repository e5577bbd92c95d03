import json

import pytest

from bert_jax.config import BertConfig
from bert_jax.config_file import config_json, read_config_file
from bert_jax.errors import UserError
from bert_jax.head_config import HeadConfig


def test_a_config_survives_its_own_json(tmp_path):
    config = BertConfig.mini(vocab_size=77, hidden_act="gelu_new")
    path = tmp_path / "config.json"
    path.write_text(config_json(config))
    assert read_config_file(path) == (config, HeadConfig())


def test_a_config_that_names_no_pair_task_is_of_a_model_with_next_sentences(tmp_path):
    path = tmp_path / "config.json"
    path.write_text('{"hidden_size": 128, "num_attention_heads": 2}')
    assert read_config_file(path)[0].pair_task == "next_sentence"


def test_a_head_stands_in_it_with_the_fields_that_are_not_the_usual_ones(tmp_path):
    config = BertConfig.tiny(type_vocab_size=0, pair_task="none")
    head = HeadConfig(task="sequence_classification", labels=("no", "yes"), classifier_dropout=0.2)
    path = tmp_path / "config.json"
    path.write_text(config_json(config, head))
    assert json.loads(path.read_text())["head"].keys() == {"task", "labels", "classifier_dropout"}
    assert read_config_file(path) == (config, head)


@pytest.mark.parametrize(
    "text",
    [
        "",
        '{"head": 3}',
        '{"head": {"task": "chat"}}',
        "[]",
        '{"hidden_size": "big"}',
        '{"vocab_size": -3}',
    ],
)
def test_a_damaged_config_file_is_an_error_that_names_the_file(tmp_path, text):
    path = tmp_path / "config.json"
    path.write_text(text)
    with pytest.raises(UserError, match=r"config\.json"):
        read_config_file(path)

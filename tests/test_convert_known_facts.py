"""What a model card says, and that nothing on it is invented."""

import json

import pytest
import yaml
from converted import any_json, small_model
from hypothesis import given
from hypothesis import strategies as st

from bert_jax.convert.known_facts import facts_of, kept_json
from bert_jax.convert.model_card import Facts, Result, check_flags, model_card
from bert_jax.convert.open_model import open_model
from bert_jax.convert.write import write_run
from bert_jax.errors import UserError
from bert_jax.head_config import HeadConfig
from bert_jax.recipes.inspect_run import run_facts as run_facts_of
from bert_jax.recipes.inspect_run import show_run

SOURCES = [
    {"input": "/home/me/books.txt", "train_documents": 1234, "licence": "CC0-1.0"},
    {"input": "hf:datasets/own/set/en", "train_documents": 5},
]
PROVENANCE = {
    "versions": {"bert-jax": "0.1.0"},
    "devices": "cpu: 1 x cpu",
    "data": {"fingerprint": "0", "language": "sw", "sources": SOURCES},
}
EVALUATION = {"step": 4, "mlm": {"loss": 2.5, "accuracy": 0.25}, "nsp": {"accuracy": 0.75}}


def run_facts(folder, provenance=PROVENANCE, evaluation=EVALUATION, operative="", step=4):
    folder.mkdir(exist_ok=True)
    model, _ = small_model()
    return of_files(model, folder, provenance, evaluation, operative, step)


def of_files(model, folder, provenance, evaluation, operative, step=4):
    (folder / "provenance.json").write_text(json.dumps(provenance))
    (folder / "evaluation.json").write_text(json.dumps(evaluation))
    (folder / "operative.gin").write_text(operative, encoding="utf-8")
    return facts_of(model._replace(path=folder, step=step), str(folder))


def metadata(card):
    return yaml.safe_load(card.split("---")[1])


def test_a_runs_files_say_its_data_recipe_and_results(tmp_path):
    facts = run_facts(tmp_path / "run", operative="TrainConfig.batch_size = 32\n")
    assert facts.languages == ("sw",)
    assert facts.datasets == ("own/set",)
    assert facts.data == (
        "books.txt (1,234 documents; licence CC0-1.0)",
        "hf:datasets/own/set/en (5 documents)",
    )
    assert facts.recipe[0] == ("batch size", "32")
    assert [result.value for result in facts.results] == [2.5, 0.25, 0.75]


def test_the_languages_of_a_mixture_are_all_there(tmp_path):
    stores = [{"language": code, "sources": SOURCES[:1]} for code in ("sw", "en")]
    facts = run_facts(tmp_path / "run", {"data": {"stores": stores}})
    assert facts.languages == ("en", "sw")
    assert len(facts.data) == 2


def test_results_of_another_step_are_not_those_of_this_model(tmp_path):
    assert run_facts(tmp_path / "run", step=3).results == ()


JSON = any_json(
    st.sampled_from(["data", "stores", "sources", "input", "recipe", "mlm", "step", "loss"])
)


MODEL, _ = small_model()


@given(provenance=JSON, evaluation=JSON, operative=st.text(st.characters(codec="utf-8")))
def test_whatever_the_files_hold_there_is_a_card(
    provenance, evaluation, operative, tmp_path_factory
):
    folder = tmp_path_factory.mktemp("run")
    facts = of_files(MODEL, folder, provenance, evaluation, operative)
    assert metadata(model_card("m", MODEL.config, MODEL.head, facts))["tags"] == ["bert-jax"]


def test_the_card_of_a_model_of_which_nothing_is_known_says_nothing_more():
    model, _ = small_model()
    card = model_card("m", model.config, model.head, Facts())
    assert set(metadata(card)) == {"library_name", "pipeline_tag", "tags"}
    assert "## Results" not in card
    assert "## Recipe" not in card
    assert "BertForPreTraining.from_pretrained" in card


def test_the_metadata_is_what_the_hub_reads():
    model, _ = small_model()
    results = (Result("masked LM accuracy", "accuracy", 0.25),)
    facts = Facts(("sw",), "cc-by-4.0", ("own/set",), results=results)
    found = metadata(model_card("m", model.config, model.head, facts))
    assert (found["language"], found["license"]) == ("sw", "cc-by-4.0")
    [index] = found["model-index"]
    assert index["name"] == "m"
    assert index["results"][0]["metrics"][0]["value"] == 0.25
    assert index["results"][0]["dataset"]["type"] == "own/set"


def test_an_encoder_without_a_pooler_is_opened_without_one():
    model, _ = small_model(HeadConfig(task="encoder", has_pooler=False))
    card = model_card("m", model.config, model.head, Facts())
    assert "add_pooling_layer=False" in card


def test_a_folders_own_card_gives_language_and_licence(tmp_path):
    model, _ = small_model()
    model = model._replace(kind="hugging_face", path=tmp_path)
    assert facts_of(model, str(tmp_path)) == Facts()
    (tmp_path / "README.md").write_text(
        "---\nlanguage: [en, de]\nlicense: mit\ndatasets:\n- wikipedia\n---\n# m\n"
    )
    facts = facts_of(model, "hf:own/model@v1")
    assert (facts.languages, facts.license) == (("en", "de"), "mit")
    assert facts.datasets == ("wikipedia",)
    assert facts.origin == "Converted from own/model@v1."
    (tmp_path / "README.md").write_text("---\nlanguage: [en\n---\n")
    assert facts_of(model, str(tmp_path)) == Facts()


def test_a_run_keeps_the_card_of_what_it_was_converted_from(tmp_path):
    model, params = small_model(HeadConfig(task="encoder"))
    facts = Facts(("en", "de"), "mit", ("own/set",), origin="Converted from own/model@v1.")
    write_run(model, params, tmp_path / "run", facts=facts)
    run = open_model(tmp_path / "run")
    assert facts_of(run, str(tmp_path / "run")) == facts
    shown = " ".join(show_run(run_facts_of(tmp_path / "run")).split())
    assert "licence mit; language en, de; data own/set Converted from own/model@v1." in shown
    (tmp_path / "run" / "card.json").write_text('{"license": ["a"], "languages": 3, "datasets')
    assert facts_of(run, str(tmp_path / "run")) == Facts()


def test_of_nothing_that_is_known_no_file_is_kept():
    assert kept_json(Facts()) is None


def test_a_flag_that_is_no_code_is_refused():
    check_flags(("en", "zh-Hant"), "apache-2.0")
    for languages, name in ((("en de",), None), ((), ""), ((), "a\nb")):
        with pytest.raises(UserError, match="is no code"):
            check_flags(languages, name)

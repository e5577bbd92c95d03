"""A model card as the Hub reads it: its metadata is what was meant, whatever the names are."""

import pytest
from converted import small_model
from huggingface_hub import ModelCard
from hypothesis import example, given
from hypothesis import strategies as st
from test_task_heads import HEADS

from bert_jax.convert.hf_classes import class_of
from bert_jax.convert.model_card import Facts, Result, check_flags, model_card
from bert_jax.convert.tensors import printable
from bert_jax.errors import UserError
from bert_jax.head_config import HeadConfig

MODEL, _ = small_model()
# What YAML and the Hub's search for its end stumble over.
ODD = [
    *("no", "yes", "null", "~", "1e3", "0x10", "2024-01-01", "", " ", "- a", "a: b", "a # b"),
    *("it's", '"quoted"', "{a}", "[a", "*a", "&a", "!!python/object:os.system", "%a", "@a", "`a`"),
    *(
        "a\n---\nlicense: mit",
        "---",
        "\n---\n",
        "a\r\n---\r\nb",
        "\ttab",
        "a\\",
        "ä 語 👍",
    ),
    *(
        "a\nlicense: mit",
        "\0",
        "\x1b[2J",
        "\ufeff",
        "|",
        ">-\n  a",
        "...\n",
        "a" * 500 + " b" * 300,
    ),
]
# PyYAML reads the three line ends that are no ASCII as spaces; a name is made printable first.
_OTHER_ENDS = "\x85\u2028\u2029"
TEXTS = st.sampled_from(ODD) | st.text(
    st.characters(codec="utf-8", exclude_characters=_OTHER_ENDS), max_size=12
)


def card_of(name: str = "m", facts: Facts | None = None) -> ModelCard:
    """As the Hub opens it."""
    return ModelCard(model_card(name, MODEL.config, MODEL.head, facts or Facts()))


@given(
    languages=st.lists(TEXTS, max_size=3),
    licence=st.none() | TEXTS,
    sets=st.lists(TEXTS, max_size=3),
)
@example(languages=["no"], licence="a\n---\nlicense: mit", sets=["---"])
def test_any_text_is_read_back_from_the_metadata_and_changes_nothing_beside_it(
    languages: list[str], licence: str | None, sets: list[str]
) -> None:
    data = card_of(facts=Facts(tuple(languages), licence, tuple(sets))).data
    assert data.language == (languages[0] if len(languages) == 1 else languages or None)
    assert (data.license, data.datasets) == (licence, sets or None)
    assert (data.library_name, data.pipeline_tag) == ("transformers", "fill-mask")
    assert (data.tags, data.eval_results) == (["bert-jax"], None)


@given(name=TEXTS, metric=TEXTS, value=st.floats(allow_nan=False, allow_infinity=False))
def test_results_are_read_back_under_any_name(name: str, metric: str, value: float) -> None:
    facts = Facts(datasets=("own/set",), results=(Result(metric, "accuracy", value),))
    data = card_of(f"m{name}", facts).data
    assert data.model_name == printable(f"m{name}")
    [result] = data.eval_results
    assert (result.metric_name, result.metric_type) == (metric, "accuracy")
    assert result.metric_value == value
    assert (result.dataset_type, result.task_type) == ("own/set", "fill-mask")


@given(name=TEXTS)
@example(name=_OTHER_ENDS)
def test_a_name_is_one_line_of_the_card(name: str) -> None:
    plain = model_card("m", MODEL.config, MODEL.head, Facts()).splitlines()
    lines = model_card(name, MODEL.config, MODEL.head, Facts()).splitlines()
    assert len(lines) == len(plain)
    assert [i for i, (a, b) in enumerate(zip(lines, plain, strict=True)) if a != b] in (
        [],
        [plain.index("# m")],
    )


def test_without_a_known_fact_there_is_what_the_model_itself_says_and_no_empty_part() -> None:
    card = card_of()
    assert card.data.to_dict() == {
        "library_name": "transformers",
        "pipeline_tag": "fill-mask",
        "tags": ["bert-jax"],
    }
    assert [line for line in card.text.splitlines() if line.startswith("#")] == ["# m", "## Use"]
    assert "None" not in card.content
    assert "a vocabulary of 130 and at most 32 tokens" in card.text


def test_all_that_is_known_is_there_in_its_place() -> None:
    facts = Facts(
        languages=("sw", "en"),
        data=("a.txt (3 documents)", "b.txt"),
        recipe=(("steps", "4"), ("pairs", "none")),
        results=(Result("masked LM loss (nats)", "loss", 2.345678),),
        origin="Trained with bert-jax for 4 steps.",
    )
    text = card_of(facts=facts).text
    heads = [line for line in text.splitlines() if line.startswith("#")]
    assert heads == [
        "# m",
        "## Use",
        "## Training data",
        "## Recipe",
        "## Results on held-out text",
    ]
    for line in (
        *("- a.txt (3 documents)", "- b.txt", "| steps | 4 |", "| pairs | none |"),
        "| masked LM loss (nats) | 2.346 |",
    ):
        assert line in text.splitlines()
    assert "head. Trained with bert-jax for 4 steps." in text


def test_results_of_several_data_sets_are_of_none_of_them() -> None:
    facts = Facts(datasets=("a", "b"), results=(Result("r", "accuracy", 0.5),))
    assert card_of(facts=facts).data.eval_results[0].dataset_type == "text"


@pytest.mark.parametrize("head", [HeadConfig(), *HEADS.values()], ids=lambda head: head.task)
def test_the_code_on_the_card_names_the_class_and_is_python(head: HeadConfig) -> None:
    model, _ = small_model(head)
    card = model_card("m", model.config, head, Facts())
    code = card.partition("```python\n")[2].partition("```")[0]
    assert class_of(model.config, head) in code
    compile(code, "card", "exec")
    assert ModelCard(card).data.pipeline_tag


def test_an_encoder_of_sentences_is_one_for_the_hub() -> None:
    head = HeadConfig(task="encoder", pooling="mean")
    model, _ = small_model(head)
    data = ModelCard(model_card("m", model.config, head, Facts())).data
    assert (data.library_name, data.pipeline_tag) == (
        "sentence-transformers",
        "sentence-similarity",
    )


@given(text=TEXTS)
def test_a_flag_is_refused_in_one_line_or_can_stand_in_the_metadata(text: str) -> None:
    said = ""
    try:
        check_flags((text,), text)
    except UserError as error:
        said = str(error)
    assert said.isprintable()
    if not said:
        assert card_of(facts=Facts((text,), text)).data.license == text

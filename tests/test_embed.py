"""Vectors of texts: pooled as they should be, alike in any company, and written whole."""

import io
import json

import numpy as np
import pytest
from converted import small_model
from inference_models import loaded_model
from pyarrow import parquet

from bert_jax import cli
from bert_jax.commands import embed as command
from bert_jax.convert.write import write_hugging_face
from bert_jax.errors import UserError
from bert_jax.head_config import HeadConfig
from bert_jax.inference.model import LoadedModel
from bert_jax.sentence_config import SentenceConfig
from data_pipeline.tokenization.rules import Rules
from data_pipeline.tokenization.tokenizer import Tokenizer

TEXTS = ["the cat sat .", "dog", "the cat sat on the mat , the dog ran on the cat s mat .", ""]


@pytest.fixture(scope="module")
def model():
    return loaded_model(HeadConfig(task="encoder"))


def states(model, text):
    return model.encode(text, output_hidden_states=True).hidden_states


@pytest.mark.parametrize(
    ("pooling", "of_states"),
    [("mean", lambda x: x.mean(0)), ("cls", lambda x: x[0]), ("max", lambda x: x.max(0))],
)
def test_a_vector_is_pooled_from_the_states_of_the_texts_own_tokens(model, pooling, of_states):
    vectors = model.embed(TEXTS, pooling=pooling)
    expected = [of_states(states(model, text)[-1]) for text in TEXTS]
    np.testing.assert_allclose(vectors, expected, atol=1e-5)
    assert vectors.dtype == np.float32


def test_the_pooler_is_what_a_head_for_sequences_is_given(model):
    [vector] = model.embed("the cat", pooling="pooler")
    np.testing.assert_allclose(vector, model.encode("the cat").pooled, atol=1e-6)


@pytest.mark.parametrize(
    ("mix", "mixed"),
    [
        ("mean", lambda a, b: (a + b) / 2),
        ("sum", lambda a, b: a + b),
        ((0.25, 2), lambda a, b: 0.25 * a + 2 * b),
        ("concat", lambda a, b: np.concatenate([a, b])),
    ],
)
def test_layers_are_mixed(model, mix, mixed):
    [vector] = model.embed("the cat sat", layers=(0, -2), mix=mix)
    kept = states(model, "the cat sat")
    np.testing.assert_allclose(vector, mixed(kept[0].mean(0), kept[1].mean(0)), atol=1e-5)


def test_one_layer_may_have_a_weight_too(model):
    whole, half = model.embed("the cat"), model.embed("the cat", mix=(0.5,))
    np.testing.assert_allclose(half, whole / 2, atol=1e-6)


def test_a_model_of_sentence_vectors_pools_and_normalizes_as_it_was_trained():
    trained = loaded_model(HeadConfig(task="encoder", pooling="max", normalize=True))
    found = trained.embed(TEXTS)
    plain = trained.embed(TEXTS, pooling="max", normalize=False)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(found, plain / np.linalg.norm(plain, axis=1, keepdims=True), 1e-5)


@pytest.mark.parametrize(
    ("pooling", "of_states"),
    [
        ("mean_sqrt_len_tokens", lambda x: x.sum(0) / np.sqrt(len(x))),
        ("weightedmean", lambda x: np.average(x, 0, np.arange(1, len(x) + 1))),
        ("lasttoken", lambda x: x[-1]),
        ("mean+cls", lambda x: np.concatenate([x.mean(0), x[0]])),
    ],
)
def test_what_a_model_of_sentence_vectors_was_trained_with_is_had(pooling, of_states):
    trained = loaded_model(HeadConfig(task="encoder", pooling=pooling))
    expected = [of_states(states(trained, text)[-1]) for text in TEXTS]
    np.testing.assert_allclose(trained.embed(TEXTS), expected, atol=1e-5)


def of_sentences(**said):
    head = HeadConfig(task="encoder", pooling=said.pop("pooling", "mean"))
    return loaded_model(head, sentences=SentenceConfig(**said))


def test_a_vector_is_cut_after_the_model_divides_it_and_before_the_caller_does():
    head = HeadConfig(task="encoder", pooling="cls", normalize=True)
    whole = loaded_model(head).embed(TEXTS)
    cut = loaded_model(head, sentences=SentenceConfig(truncate_dim=5))
    np.testing.assert_allclose(cut.embed(TEXTS), whole[:, :5], atol=1e-6)
    divided = whole[:, :3] / np.linalg.norm(whole[:, :3], axis=1, keepdims=True)
    found = cut.embed(TEXTS, truncate_dim=3, normalize=True)
    np.testing.assert_allclose(found, divided, atol=1e-5)
    np.testing.assert_allclose(cut.embed(TEXTS, truncate_dim=np.int64(16)), whole, atol=1e-6)
    more = loaded_model(head, sentences=SentenceConfig(truncate_dim=99))
    assert more.embed([]).shape == more.embed([], truncate_dim=16).shape == (0, 16)


def test_a_model_of_sentence_vectors_cuts_at_its_own_length_and_says_so():
    trained, counts = of_sentences(max_length=8), []
    texts = ["cat " * 6, "cat " * 7, "cat " * 40]
    found = trained.embed(texts, on_cut=counts.append)
    np.testing.assert_allclose(found, np.tile(found[:1], (3, 1)), atol=1e-6)
    assert (counts, trained.embed_limit) == ([2], 8)
    with pytest.raises(UserError, match=r"has 9 tokens .*; the model is for 8 at most"):
        trained.embed(texts, truncate=False)


def test_a_text_is_made_lower_case_where_the_model_says_so():
    trained = of_sentences(lowercase=True)
    trained.tokenizer = Tokenizer(trained.tokenizer.vocab, Rules(True))
    np.testing.assert_array_equal(trained.embed("The CAT sat"), trained.embed("the cat sat"))
    trained.sentences = SentenceConfig()
    del trained._embedder
    assert np.abs(trained.embed("The CAT sat") - trained.embed("the cat sat")).max() > 0.01


def test_a_prompt_is_put_before_the_text():
    prompts = {"query": "the dog , ", "none": ""}
    trained = of_sentences(prompts=prompts, default_prompt="query")
    plain = loaded_model(trained.head)
    for how, text in (
        ({}, "the dog , cat"),
        ({"prompt_name": "query"}, "the dog , cat"),
        ({"prompt_name": "none"}, "cat"),
        ({"prompt": ""}, "cat"),
        ({"prompt": "a rome"}, "a romecat"),
    ):
        np.testing.assert_allclose(trained.embed("cat", **how), plain.embed(text), atol=1e-6)
    with pytest.raises(UserError, match="there is no prompt 'q'; the model has query, none"):
        trained.embed("cat", prompt_name="q")
    with pytest.raises(UserError, match="there is no prompt 'q'; the model has none"):
        plain.embed("cat", prompt_name="q")
    with pytest.raises(UserError, match="leave one of them out"):
        plain.embed("cat", prompt_name="q", prompt="q")


@pytest.mark.parametrize(
    ("pooling", "of_states"),
    [
        # [CLS], "the" and "dog" are left out, as sentence-transformers does.
        ("mean", lambda x: x[3:].mean(0)),
        ("cls", lambda x: x[3]),
        ("max", lambda x: x[3:].max(0)),
        ("lasttoken", lambda x: x[-1]),
        ("weightedmean", lambda x: np.average(x[3:], 0, np.arange(4, len(x) + 1))),
    ],
)
def test_the_tokens_of_a_prompt_may_be_left_out_of_what_is_pooled(pooling, of_states):
    trained = of_sentences(pooling=pooling, include_prompt=False, max_length=8)
    for text in ("cat", "cat sat on", "cat " * 20):
        kept = " ".join(["the", "dog", *text.split()][:6])
        expected = of_states(states(trained, kept)[-1])
        found = trained.embed(text, prompt="the dog ")
        np.testing.assert_allclose(found[0], expected, atol=1e-5)
    # Without a prompt all is pooled.
    [vector] = trained.embed("cat sat")
    plain = of_sentences(pooling=pooling).embed("cat sat")[0]
    np.testing.assert_allclose(vector, plain, atol=1e-6)


def test_a_vector_is_the_same_alone_and_among_others(model):
    rng = np.random.default_rng(0)
    words = ["the", "cat", "dog", "mat", "ran"]
    texts = [" ".join(rng.choice(words, n)) for n in rng.integers(1, 30, 150)]
    together = model.embed(texts)
    for i in (0, 70, 149):
        np.testing.assert_allclose(together[i], model.embed(texts[i])[0], atol=1e-5)


def test_a_pretrained_model_makes_vectors_too_and_without_a_pooler_says_so():
    model = loaded_model(pair_task="none")
    assert model.embed(["the cat", "dog"]).shape == (2, 16)
    with pytest.raises(UserError, match="no pooler; pool by mean, cls or max"):
        model.embed("dog", pooling="pooler")


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"pooling": "median"}, "pooling is 'median'; it must be one of mean"),
        ({"layers": 3}, "layers are 3; each must be from 0 .* to 2 .* to -3"),
        ({"layers": ()}, "layers are none"),
        (
            {"layers": (1, 2), "mix": (1.0,)},
            "mix has 1 number, and there are 2 layers; give one for each",
        ),
        ({"mix": "product"}, "mix is 'product'"),
        ({"mix": 3}, r"mix is 3 \(int\), and one of mean, sum, concat is needed, or a number for"),
        ({"mix": (float("nan"),)}, "mix has the weight nan; each must be a number from -1,000,000"),
        ({"mix": ("1",)}, "mix has the weight '1'; each must be a number"),
        ({"layers": (1, 2), "mix": (1e38, 1e38)}, r"mix has the weight 1e\+38; each must be"),
        ({"layers": (1, 2), "mix": (0, 0.0)}, "mix has no weight but 0"),
        ({"layers": "12"}, r"layers is '12' \(str\); a whole number is needed"),
        ({"layers": None}, "layers is None; a whole number is needed"),
        ({"layers": [True]}, "layers are True; each must be from 0"),
        ({"normalize": "no"}, r"normalize is 'no' \(str\); it must be True or False"),
        ({"truncate": "yes"}, r"truncate is 'yes' \(str\); it must be True or False"),
        ({"layers": (1.5,)}, "layers are 1.5; each must be from 0"),
        ({"pooling": "pooler", "layers": 1}, "the pooler reads the last layer alone"),
        ({"truncate_dim": 0}, "truncate_dim is 0; it must be a whole number, at least 1 and at m"),
        ({"truncate_dim": 17}, "at most the whole vector, 16"),
    ],
)
def test_what_cannot_be_meant_is_an_error(model, how, message):
    with pytest.raises(UserError, match=message):
        model.embed("the cat", **how)


def test_a_text_that_is_too_long_is_an_error_unless_it_may_be_cut(model):
    text = "cat " * 40
    with pytest.raises(UserError, match=r"42 tokens .* 32 positions") as error:
        model.embed(["dog", text])
    assert error.value.index == 1
    np.testing.assert_allclose(
        model.embed(text, truncate=True), model.embed("cat " * 30), atol=1e-6
    )


def run(*argv):
    return cli.main(["embed", *map(str, argv)])


def test_each_text_is_a_line_that_fits_or_an_object(tiny_run, capsys):
    long = "the cat sat on the mat near the river and looked on"
    assert run(tiny_run.run_dir, "the cat", long) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("  ")[-1] for line in lines] == ["the cat", "the cat sat on the ma..."]
    assert all(len(line) <= 80 and "(16; length " in line for line in lines)
    assert run(tiny_run.run_dir, "the cat", "--json", "--normalize") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["text"] == "the cat"
    assert np.linalg.norm(found["vector"]) == pytest.approx(1, abs=1e-6)


def test_similarity_is_the_cosine_of_each_pair(tiny_run, tmp_path, capsys):
    pairs = tmp_path / "pairs.tsv"
    pairs.write_text("the cat\tthe cat\nthe dog\tthe mat\n")
    assert run(tiny_run.run_dir, "a mat", "a river", "--file", pairs, "--similarity", "--json") == 0
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(f["first"], f["second"]) for f in found] == [
        ("a mat", "a river"),
        ("the cat", "the cat"),
        ("the dog", "the mat"),
    ]
    assert found[1]["cosine"] == pytest.approx(1, abs=1e-6)
    assert all(f["cosine"] < 1 - 1e-6 for f in (found[0], found[2]))


def test_a_file_of_vectors_is_written_by_portions(tiny_run, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(command, "PORTION", 3)
    lines = io.BytesIO(b"the cat\n\nthe dog\na mat\nthe cat ran\n\n")
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BufferedReader(lines)))
    assert run(tiny_run.run_dir, "--file", "-", "--output", tmp_path / "v.npy") == 0
    assert capsys.readouterr().out == f"6 vectors of 16 numbers in {tmp_path / 'v.npy'}\n"
    vectors = np.load(tmp_path / "v.npy")

    text = tmp_path / "texts.txt"
    text.write_text("the cat\n\nthe dog\na mat\nthe cat ran\n\n")
    assert run(tiny_run.run_dir, "--file", text, "--output", tmp_path / "v.parquet", "--json") == 0
    output = capsys.readouterr()
    assert json.loads(output.out)["vectors"] == 6
    table = parquet.read_table(tmp_path / "v.parquet").to_pydict()
    assert table["text"] == text.read_text().splitlines()
    np.testing.assert_allclose(np.array(table["vector"]), vectors, atol=1e-6)
    assert run(tiny_run.run_dir, "", "--json") == 0
    empty = json.loads(capsys.readouterr().out)["vector"]
    np.testing.assert_allclose(vectors[[1, 5]], [empty, empty], atol=1e-6)


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        ([], "there is no text"),
        (["a", "--output", "v.txt"], "ends in neither .npy nor .parquet"),
        (["a", "--output", "nowhere/v.npy"], "there is no folder nowhere"),
        (["a", "b", "--similarity", "--output", "v.npy"], "leave --output out"),
        (["a", "b", "c", "--similarity"], "3 texts where 2 are needed, one after another"),
        (["a", "--pooling", "mode"], "--pooling: there is no pooling 'mode'"),
        (["a", "--layers", "x"], "--layers: 'x' is no whole number"),
        (["a", "--mix", "m"], "or a weight for each layer"),
        (["a", "--layers=0,1", "--mix=1e38,1e38"], "--mix has the weight 1e+38; each must"),
        (["a", "--mix=1,2"], "--mix has 2 numbers, and there is 1 layer; give one for each"),
        (["a", "--mix", "nan,1"], "--mix: 'nan' is no finite number"),
        (["a", "--layers=9"], "layers are 9"),
        (
            ["a", "--normalize", "--no_normalize"],
            "--no_normalize: not allowed with argument --norm",
        ),
    ],
)
def test_a_mistake_is_one_line_and_leaves_no_file(
    tiny_run, tmp_path, monkeypatch, capsys, argv, message
):
    monkeypatch.chdir(tmp_path)
    assert run(tiny_run.run_dir, *argv) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert error.count("\n") == 1
    assert message in error
    assert list(tmp_path.iterdir()) == []


def test_a_bad_line_leaves_no_file_and_is_named(tiny_run, tmp_path, capsys):
    text = tmp_path / "texts.txt"
    text.write_text("the cat\n" + "cat " * 80 + "\n")
    output = tmp_path / "v.npy"
    assert run(tiny_run.run_dir, "--file", text, "--output", output) == 2
    assert f"error: {text}:2: the text" in capsys.readouterr().err
    assert not output.exists()
    assert run(tiny_run.run_dir, "--file", text, "--output", output, "--truncate") == 0
    assert np.load(output).shape == (2, 16)


def test_progress_is_over_before_the_result_is_said_and_each_batch_advances_it(
    tiny_run, tmp_path, monkeypatch
):
    monkeypatch.setattr(command, "PORTION", 2)
    text = tmp_path / "texts.txt"
    text.write_text("the cat\n\na mat\n")
    shown = io.StringIO()
    monkeypatch.setattr("sys.stdout", shown)
    monkeypatch.setattr("sys.stderr", shown)
    assert run(tiny_run.run_dir, "--file", text, "--output", tmp_path / "v.npy") == 0
    first, second = shown.getvalue().splitlines()
    assert first.startswith("embed: 3 texts in ")
    assert second.startswith("3 vectors of 16 numbers in ")


def test_a_text_of_a_pair_that_is_too_long_is_said_with_the_flag_that_helps(tiny_run, capsys):
    texts = ["a", "b", "a", "b " * 600]
    assert cli.main(["embed", str(tiny_run.run_dir), *texts, "--similarity"]) == 2
    said = capsys.readouterr().err
    assert "positions: give a shorter one, or --truncate\n" in said
    assert "texts[" not in said


def test_an_interrupted_file_of_vectors_is_not_there(tiny_run, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(command, "PORTION", 1)
    embed = LoadedModel.embed

    def interrupted(self, texts, **how):
        if texts == ["the dog"]:
            raise KeyboardInterrupt
        return embed(self, texts, **how)

    monkeypatch.setattr(LoadedModel, "embed", interrupted)
    text = tmp_path / "texts.txt"
    text.write_text("the cat\nthe dog\n")
    assert run(tiny_run.run_dir, "--file", text, "--output", tmp_path / "v.npy") == 130
    assert list(tmp_path.iterdir()) == [text]


def test_a_file_that_is_there_is_not_written_over(tiny_run, tmp_path, capsys):
    there = tmp_path / "v.npy"
    there.write_bytes(b"mine")
    assert run(tiny_run.run_dir, "a", "--output", there) == 2
    assert "v.npy is there; remove it, or name a new file" in capsys.readouterr().err
    assert there.read_bytes() == b"mine"


def test_an_encoder_of_sentences_cuts_and_has_prompts(tmp_path, capsys):
    head = HeadConfig(task="encoder", pooling="mean")
    model, params = small_model(head, tokenizer=True)
    model = model._replace(sentences=SentenceConfig(prompts={"query": "w1 ", "x\x1b[2J": "w2"}))
    write_hugging_face(model, params, tmp_path / "m")
    assert run(tmp_path / "m", "w3 " * 40, "w4", "--json") == 0
    output = capsys.readouterr()
    assert output.err == "1 text was cut to 32 tokens\n"
    plain = [json.loads(line)["vector"] for line in output.out.splitlines()][1]

    def vector(*flags):
        assert run(tmp_path / "m", "w4", "--json", *flags) == 0
        return json.loads(capsys.readouterr().out)["vector"]

    assert vector("--prompt_name", "query") == vector("--prompt", "w1 ") != plain
    assert vector("--prompt", "") == pytest.approx(plain, abs=1e-6)
    assert vector("--truncate_dim", "3") == pytest.approx(plain[:3], abs=1e-6)
    path = tmp_path / "m" / "config_sentence_transformers.json"
    path.write_text('{"similarity_fn_name": "dot"}')
    assert run(tmp_path / "m", "w4", "w4", "--similarity", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert "cosine" not in found
    assert found["dot"] == pytest.approx(np.dot(plain, plain), rel=1e-5)
    path.write_text(json.dumps({"prompts": model.sentences.prompts}))
    assert run(tmp_path / "m", "w4", "--prompt_name", "q") == 2
    error = capsys.readouterr().err
    assert error == "error: there is no prompt 'q'; the model has query, x\\x1b[2J\n"
    assert run(tmp_path / "m", "w4", "--prompt_name", "q", "--prompt", "q") == 2
    assert "not allowed with" in capsys.readouterr().err

"""What `bert-jax inspect` prints, writes and refuses."""

import json
from pathlib import Path

import pytest
from data_commands import error_of, tiny_store, write_corpus

from bert_jax import cli
from bert_jax.commands.inspect import kind_of


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    return write_corpus(tmp_path / "corpus.txt")


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tiny_store(tmp_path / "store")


def test_inspect_tells_a_store_from_a_run_and_says_what_else_it_found(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("store/manifest.json", "run/config.json", "run/checkpoints/7/x", "other/a.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("{}")
    assert kind_of(tmp_path / "store") == "store"
    assert {kind_of(tmp_path / "run" / part) for part in ("", "checkpoints", "checkpoints/7")} == {
        "run"
    }
    assert error_of(capsys, "inspect", str(tmp_path / "other")).endswith(": it holds a.txt")
    assert error_of(capsys, "inspect", str(tmp_path / "other/a.txt")).endswith(": it is a file")
    weights = tmp_path / "other" / "model.safetensors"
    weights.write_text("")
    assert error_of(capsys, "inspect", weights).endswith(
        "it is a file; give the folder that it is in"
    )
    weights.unlink()
    assert "did you mean store?" in error_of(capsys, "inspect", str(tmp_path / "stroe"))
    assert "is not a token store" in error_of(capsys, "inspect", str(tmp_path / "store"))


def test_inspect_tells_a_model_of_others_by_its_config_and_a_prefix_by_its_index(
    tmp_path: Path,
) -> None:
    for name in ("hf/config.json", "google/bert_config.json", "google/bert_model.ckpt.index"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("{}")
    named = ("hf", "google", "google/bert_model.ckpt", "google/bert_model.ckpt.index")
    assert {kind_of(tmp_path / name) for name in named} == {"model"}


def test_the_tensors_of_a_store_are_not_asked_for(store: Path, capsys) -> None:
    message = error_of(capsys, "inspect", store, "--weights")
    assert message == f"--weights shows the tensors of a model; {store} is a token store"


def test_a_store_is_verified_when_asked(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["inspect", str(store), "--verify"]) == 0
    assert capsys.readouterr().out.endswith("all checksums agree\n")
    assert cli.main(["inspect", str(store), "--verify", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["verified"] is True
    assert cli.main(["inspect", str(store)]) == 0
    assert "checksums" not in capsys.readouterr().out


def test_the_page_goes_where_it_is_told_to(store: Path, tmp_path: Path, capsys) -> None:
    page = tmp_path / "page.html"
    assert cli.main(["inspect", str(store), "--html", str(page), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["html"] == str(page)
    assert page.is_file()
    assert not (store / "inspect.html").exists()
    message = error_of(capsys, "inspect", store, "--html", tmp_path / "no" / "page.html")
    assert message.startswith(f"--html {tmp_path / 'no' / 'page.html'} cannot be written: No such")


def test_a_store_that_cannot_be_written_is_inspected_all_the_same(store: Path, capsys) -> None:
    (store / "inspect.html").mkdir()
    assert cli.main(["inspect", str(store), "--json"]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["html"] is None
    assert err.count("\n") == 1
    assert err.startswith(f"{store / 'inspect.html'} cannot be written (")
    assert err.endswith("--html FILE names another place\n")
    assert list(store.glob("inspect.html.*")) == []


def test_the_length_of_a_run_decides_whether_there_is_text_enough(corpus: Path, tmp_path, capsys):
    tokenizer, store = tmp_path / "tokenizer", tmp_path / "store"
    argv = ["vocab", str(corpus), "--output", str(tokenizer), "--size", "120", "--workers", "1"]
    assert cli.main(argv) == 0
    argv = ["prepare", str(corpus), "--tokenizer", str(tokenizer), "--output", str(store)]
    assert cli.main([*argv, "--eval-share", "0.1", "--workers", "1"]) == 0
    capsys.readouterr()
    for steps, warned in (("10", False), ("100_000", True)):
        argv = ["inspect", str(store), "--steps", steps, "--batch-size", "8", "--json"]
        assert cli.main(argv) == 0
        facts = json.loads(capsys.readouterr().out)
        assert facts["planned"] == {"steps": int(steps), "batch_size": 8}
        assert ("few_examples" in [f["name"] for f in facts["findings"]]) is warned


def test_a_token_outside_the_vocabulary_is_found_by_verifying(
    store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = store / "train" / "tokens.npy"
    file.write_bytes(file.read_bytes()[:-2] + b"\xff\xff")
    assert cli.main(["inspect", str(store)]) == 0  # warned of, and all else is shown
    assert "train holds 1 token that no text gives" in capsys.readouterr().out
    message = error_of(capsys, "inspect", store, "--verify")
    assert "train/tokens.npy has changed since it was written" in message
    assert message.endswith("prepare it again")


def test_only_a_store_can_be_verified(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "config.json").write_text("{}")
    message = error_of(capsys, "inspect", tmp_path, "--verify")
    assert message == f"--verify compares the checksums of a token store; {tmp_path} is none"
    message = error_of(capsys, "inspect", tmp_path, "--html", "page.html")
    assert message == f"--html is for a token store; {tmp_path} is none"

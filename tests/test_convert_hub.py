"""Names of the Hub: its client's cache, a Hub on this machine, and none at all."""

import hashlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from converted import small_folder
from huggingface_hub import constants
from huggingface_hub.utils import filter_repo_objects

from bert_jax.cli import main
from bert_jax.convert.hub import PATTERNS, fetch, is_hub_name
from bert_jax.convert.open_model import open_model
from bert_jax.errors import UserError

COMMIT = "0123456789abcdef" * 2 + "01234567"
PICKLE = b"\x80\x02}q\x00."


class Hub(ThreadingHTTPServer):
    """The endpoints of the Hub that are asked for one model.

    Attributes:
      files: what the model's repository holds.
      asked: the paths that were asked for.
    """

    def __init__(self, files: dict[str, bytes]) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files = files
        self.asked: list[str] = []


class Handler(BaseHTTPRequestHandler):
    server: Hub

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        self.server.asked.append(path)
        info, files = "/api/models/own/model", f"/own/model/resolve/{COMMIT}/"
        name = path.removeprefix(files)
        if path in (
            info,
            f"{info}/revision/main",
            f"{info}/revision/v1",
            f"{info}/revision/refs%2Fpr%2F1",
            f"{info}/revision/{COMMIT}",
        ):
            siblings = [{"rfilename": k, "size": len(v)} for k, v in self.server.files.items()]
            facts = {"id": "own/model", "sha": COMMIT, "siblings": siblings}
            self.answer(200, json.dumps(facts).encode())
        elif path == f"{info}/tree/{COMMIT}":
            found = [
                {"type": "file", "path": k, "size": len(v), "oid": hashlib.sha1(v).hexdigest()}
                for k, v in self.server.files.items()
            ]
            self.answer(200, json.dumps(found).encode())
        elif path.startswith(files) and name in self.server.files:
            content = self.server.files[name]
            self.answer(200, content, ETag=f'"{hashlib.sha1(content).hexdigest()}"')
        elif path.startswith(info):
            self.answer(404, b"{}", **{"X-Error-Code": "RevisionNotFound"})
        elif "/status-" in path:
            status = int(path.partition("/status-")[2][:3])
            more = {"X-Error-Message": "Invalid credentials in Authorization header"}
            self.answer(status, b"{}", **(more if status == 401 else {}))
        elif "/gated" in path:
            self.answer(403, b"{}", **{"X-Error-Code": "GatedRepo"})
        else:
            self.answer(401, b"{}", **{"X-Error-Code": "RepoNotFound"})

    def answer(self, status: int, content: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in {**headers, "X-Repo-Commit": COMMIT}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("hub") / "m"
    small_folder(folder, tokenizer=True)
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache of huggingface_hub."""
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_TOKEN_PATH", str(tmp_path / "none"))
    monkeypatch.delenv("HF_TOKEN", raising=False)
    return tmp_path / "cache"


@pytest.fixture
def hub(cache: Path, files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A Hub on this machine."""
    with Hub({**files, "pytorch_model.bin": PICKLE}) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        endpoint = f"http://127.0.0.1:{server.server_port}"
        monkeypatch.setattr(constants, "ENDPOINT", endpoint)
        template = endpoint + "/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        yield server
        server.shutdown()


def put_into(cache: Path, name: str, files: dict[str, bytes]) -> None:
    """As huggingface_hub keeps a model: blobs, a snapshot of links, and what `main` is."""
    folder = cache / f"models--{name.replace('/', '--')}"
    snapshot = folder / "snapshots" / COMMIT
    for place in (snapshot, folder / "blobs", folder / "refs"):
        place.mkdir(parents=True)
    (folder / "refs" / "main").write_text(COMMIT)
    for file, content in files.items():
        digest = hashlib.sha1(content).hexdigest()
        (folder / "blobs" / digest).write_bytes(content)
        (snapshot / file).symlink_to(Path("../../blobs") / digest)


def refused(name: str) -> str:
    with pytest.raises(UserError) as caught:
        open_model(name)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_name_begins_with_hf_and_a_path_does_not():
    assert is_hub_name("hf:own/model")
    assert not is_hub_name("own/model")
    assert not is_hub_name(Path("hf:own/model"))


@pytest.mark.parametrize(
    "name",
    [
        *(
            "hf:",
            "hf:a/b/c",
            "hf:../x",
            "hf:..",
            "hf:a b",
            "hf:a/b/",
            "hf:/a/b",
            "hf:a//b",
            "hf:a/b@",
        ),
        *("hf:a/b@..", "hf:a/b@../x", "hf:a/b@x/../../y", "hf:a/b@/x", "hf:a/b@x/", "hf:a/b@x y"),
    ],
)
def test_what_is_no_name_is_said_to_be_none(name, cache):
    assert "is no name of a model" in refused(name)


def test_without_a_network_a_model_comes_from_the_cache(cache, files, monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    put_into(cache, "own/model", files)
    found = open_model("hf:own/model")
    assert found.kind == "hugging_face"
    assert found.tokenizer is not None
    assert np.asarray(found.weights.read()["bert"]["pooler"]["bias"]).any()


def test_without_a_network_and_a_cache_it_is_said_what_to_do(cache, monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    said = refused("hf:google-bert/bert-base-uncased")
    assert "is not in the cache of huggingface_hub, and HF_HUB_OFFLINE is set; unset that" in said
    assert "or give the path of a folder" in said


def test_a_hub_that_does_not_answer_is_told_the_same(cache, monkeypatch):
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    assert "the Hub cannot be reached" in refused("hf:own/model")


def test_a_model_is_fetched_once_and_pickles_never(hub):
    folder = fetch("hf:own/model")
    assert folder.name == COMMIT
    assert not (folder / "pytorch_model.bin").exists()
    assert not [path for path in hub.asked if "pytorch_model" in path]
    found = open_model("hf:own/model@v1")
    assert found.config.vocab_size == 130
    fetched = [path for path in hub.asked if path.endswith("model.safetensors")]
    assert len(fetched) <= 2  # what it is, and its bytes


def test_a_pull_request_is_a_revision_and_comes_from_the_cache_again(hub, monkeypatch):
    folder = fetch("hf:own/model@refs/pr/1")
    assert folder.name == COMMIT
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    asked = len(hub.asked)
    assert fetch("hf:own/model@refs/pr/1") == folder
    assert len(hub.asked) == asked


def test_a_model_that_is_in_the_cache_in_part_is_said_to_be(hub, monkeypatch):
    folder = fetch("hf:own/model")
    (folder / "model.safetensors").unlink()
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert "is only in part in the cache of huggingface_hub" in refused("hf:own/model")


def test_a_model_inside_a_repository_is_said_to_be_there(hub):
    hub.files = {f"small/{name}": content for name, content in hub.files.items()}
    said = refused("hf:own/model")
    assert "has no config.json, but small/ has" in said
    assert "`hf download own/model --include 'small/*' --local-dir DIR`" in said
    assert "and is the model DIR/small" in refused("hf:own/model/small")


def test_what_is_no_model_is_said_with_what_it_holds(hub):
    hub.files = {f"{name}.onnx": b"" for name in "abcdef"} | {"README.md": b""}
    said = refused("hf:own/model")
    assert "has no config.json" in said
    assert "it holds a.onnx, b.onnx, c.onnx, d.onnx and 3 more" in said


def test_a_repository_of_pickles_alone_is_refused_as_one(hub):
    del hub.files["model.safetensors"]
    said = refused("hf:own/model")
    assert "has its weights only as pytorch_model.bin" in said
    assert "never read" in said


def test_a_cached_model_without_weights_is_said_to_have_none(cache, files, monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    put_into(cache, "own/model", {"config.json": files["config.json"]})
    assert "has no weights" in refused("hf:own/model")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("hf:own/model@v9", "has no revision v9; a branch, tag or commit of https://"),
        ("hf:own/model@refs/pr/2", "has no revision refs/pr/2"),
        ("hf:own/status-401", "the Hub does not know the token (401); set HF_TOKEN anew"),
        ("hf:own/status-403", "the token may not read it (403); take one that may (HF_TOKEN)"),
        ("hf:own/status-400", "answers with the status 400; try again later"),
        ("hf:own/other", "the Hub has no such model, or it is private"),
        ("hf:own/gated", "must be asked for at the Hub"),
    ],
)
@pytest.mark.usefixtures("hub")
def test_what_the_hub_refuses_is_one_line(name, said):
    assert said in refused(name)


@pytest.mark.usefixtures("hub")
def test_the_card_says_where_a_model_is_from(tmp_path, capsys):
    assert main(["convert", "hf:own/model", str(tmp_path / "m"), "--to", "hf", "--json"]) == 0
    capsys.readouterr()
    assert "Converted from own/model." in (tmp_path / "m" / "README.md").read_text()


def test_of_an_encoder_of_sentences_all_is_fetched_that_is_read():
    needed = [
        *("modules.json", "sentence_bert_config.json", "config_sentence_transformers.json"),
        *("1_Pooling/config.json", "2_Normalize/config.json", "sentence_distilbert_config.json"),
        *("0_Transformer/config.json", "0_Transformer/model.safetensors"),
        *("0_Transformer/vocab.txt", "0_Transformer/sentence_bert_config.json"),
    ]
    others = ["0_Transformer/pytorch_model.bin", "2_Dense/model.safetensors", "onnx/model.onnx"]
    assert list(filter_repo_objects([*needed, *others], allow_patterns=PATTERNS)) == needed


@pytest.mark.usefixtures("hub")
def test_a_model_of_the_hub_is_inspected_by_its_name(capsys):
    assert main(["inspect", "hf:own/model", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert (facts["kind"], facts["model"], facts["opens"]) == ("model", "hf:own/model", True)
    assert facts["tokenizer"]["vocab_size"] == 130

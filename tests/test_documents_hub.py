import hashlib
import io
import json
import pickle
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from documents import advanced, facts_of, open_one, read
from huggingface_hub import constants

from data_pipeline.documents import PlainSource
from data_pipeline.documents.hub import chosen_files
from data_pipeline.errors import DataError

COMMIT = "0123456789abcdef" * 2 + "01234567"
NAME = "hf:datasets/own/set"


def parquet(*texts: str) -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.table({"text": list(texts)}), sink)
    return sink.getvalue()


FILES = {
    "README.md": b"---\nlicense: cc-by-sa-4.0\n---\n",
    "de/train-00000-of-00001.parquet": parquet("Eins. Zwei."),
    "en/test-00000-of-00001.parquet": parquet("Held out. So it is."),
    "en/train-00001-of-00002.parquet": parquet("Three. Four."),
    "en/train-00000-of-00002.parquet": parquet("One. Two.\n\nStill one.", "More. And more."),
}


class Hub(ThreadingHTTPServer):
    """The three endpoints of the Hub that are asked, for one data set.

    Attributes:
        card: the metadata of its README.md.
        asked: the paths that were asked for.
    """

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.card: dict[str, Any] = {"license": "cc-by-sa-4.0"}
        self.files = dict(FILES)
        self.asked: list[str] = []


class Handler(BaseHTTPRequestHandler):
    server: Hub

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        self.server.asked.append(f"{self.command} {path}")
        info = "/api/datasets/own/set"
        files = f"/datasets/own/set/resolve/{COMMIT}/"
        if path in (info, f"{info}/revision/v1", f"{info}/revision/refs%2Fconvert%2Fparquet"):
            siblings = [{"rfilename": k, "size": len(v)} for k, v in self.server.files.items()]
            facts = {"id": "own/set", "sha": COMMIT, "siblings": siblings}
            self.answer(200, json.dumps({**facts, "cardData": self.server.card}).encode())
        elif path.startswith(files) and path.removeprefix(files) in self.server.files:
            content = self.server.files[path.removeprefix(files)]
            self.answer(200, content, ETag=f'"{hashlib.sha1(content).hexdigest()}"')
        elif path.startswith(info):
            self.answer(404, b"{}", **{"X-Error-Code": "RevisionNotFound"})
        elif "/gated" in path:
            self.answer(403, b"{}", **{"X-Error-Code": "GatedRepo"})
        elif "/broken" in path:
            self.answer(500, b"{}")
        else:
            self.answer(404, b"{}", **{"X-Error-Code": "RepoNotFound"})

    def answer(self, code: int, content: bytes, **headers: str) -> None:
        self.send_response(code)
        for name, value in {**headers, "X-Repo-Commit": COMMIT}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A Hub on this machine, and an empty cache."""
    with Hub() as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        endpoint = f"http://127.0.0.1:{server.server_port}"
        monkeypatch.setattr(constants, "ENDPOINT", endpoint)
        template = endpoint + "/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
        monkeypatch.setenv("HF_TOKEN_PATH", str(tmp_path / "none"))
        yield server
        server.shutdown()


def error_of(name: str) -> str:
    with pytest.raises(DataError) as caught:
        read(open_one(name, "paragraph"))
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_the_rows_of_a_configurations_files_are_documents_in_the_order_of_the_files(
    hub: Hub,
) -> None:
    assert read(open_one(f"{NAME}/en")) == [
        ["One. Two.", "Still one."],
        ["More. And more."],
        ["Three. Four."],
    ]
    assert read(open_one(f"{NAME}/en?split=test")) == [["Held out. So it is."]]
    assert read(open_one(f"{NAME}@v1/de/")) == [["Eins. Zwei."]]
    assert read(open_one(f"{NAME}@refs/convert/parquet/de")) == [["Eins. Zwei."]]
    assert any("refs%2Fconvert%2Fparquet" in path for path in hub.asked)


def test_a_file_is_fetched_when_it_is_read_and_once(hub: Hub) -> None:
    source = open_one(f"{NAME}/en", "paragraph")
    fetched = [path for path in hub.asked if path.startswith("GET /datasets/")]
    assert fetched == []
    for _ in range(2):
        assert len(read(source)) == 3
    assert len(read(open_one(f"{NAME}/en"))) == 3
    fetched = [path.rpartition("/")[2] for path in hub.asked if path.startswith("GET /datasets/")]
    assert fetched == ["train-00000-of-00002.parquet", "train-00001-of-00002.parquet"]


@pytest.mark.usefixtures("hub")
def test_the_manifest_says_which_commit_and_licence() -> None:
    source = open_one(f"{NAME}/en")
    assert advanced(source) == (
        sum(len(content) for file, content in FILES.items() if file.startswith("en/train"))
    )
    sent = PlainSource("sent", pickle.loads(pickle.dumps(source.streams)), {})
    assert read(sent) == read(source)
    assert [stream.identity()["commit"] for stream in source.streams] == [COMMIT] * 2
    facts = facts_of(source)
    expected = {
        "kind": "hub",
        "input": f"{NAME}/en",
        "name": "own/set",
        "revision": COMMIT,
        "licence": "cc-by-sa-4.0",
        "split": "train",
        "files": 2,
        "records": 3,
    }
    assert {key: facts[key] for key in expected} == expected


@pytest.mark.usefixtures("hub")
@pytest.mark.parametrize(
    ("name", "message"),
    [
        (NAME, "has more than one configuration: de, en; name one by /CONFIG"),
        (f"{NAME}/fr", "has no configuration 'fr', but de, en; name one by /CONFIG"),
        (f"{NAME}/en?split=dev", "has no split 'dev', but test, train; name one by ?split=SPLIT"),
        (f"{NAME}@v2/en", "the repository has no such revision"),
        ("hf:datasets/own/other", "the Hub has no such data set"),
        ("hf:datasets/own/gated", "ask on the Hub's page of it, then run `hf auth login`"),
        ("hf:datasets/own/broken", "the Hugging Face Hub cannot be reached: "),
        ("hf:own/set", "such as hf:datasets/wikimedia/wikipedia/20231101.en"),
        ("hf:datasets/set", "is no name of a data set"),
    ],
)
def test_what_is_not_there_is_an_error_of_one_line(name: str, message: str) -> None:
    found = error_of(name)
    assert found.startswith(f"{name}: ")
    assert message in found


def test_without_a_network_it_is_an_error_of_one_line(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = open_one(f"{NAME}/en", "paragraph")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(DataError, match="the Hugging Face Hub cannot be reached"):
        read(source)  # its files were not fetched before
    assert "the Hugging Face Hub cannot be reached: " in error_of(f"{NAME}/en")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    hub.shutdown()
    hub.server_close()
    message = error_of(f"{NAME}/en")
    assert "the Hugging Face Hub cannot be reached: " in message
    assert "give Parquet files" in message


def test_a_repository_without_parquet_is_an_error_that_names_the_hubs_conversion(hub: Hub) -> None:
    hub.files = {"README.md": b"", "data.csv": b"a,b"}
    message = error_of(f"{NAME}/en")
    assert message.endswith("may: hf:datasets/own/set@refs/convert/parquet")


def test_a_damaged_file_is_an_error_that_names_it(hub: Hub) -> None:
    hub.files["de/train-00000-of-00001.parquet"] = b"no table"
    message = error_of(f"{NAME}/de")
    assert "de/train-00000-of-00001.parquet: cannot be read as a Parquet file" in message


def test_a_card_names_configurations_splits_and_licences(hub: Hub) -> None:
    hub.card = {
        "license": ["mit", "cc0-1.0"],
        "configs": [
            {"config_name": "both", "data_files": ["en/*", "de/*"]},
            {
                "config_name": "default",
                "data_files": [
                    {"split": "train", "path": ["en/train-*", "de/train-*"]},
                    {"split": "test", "path": "en/test-*"},
                    {"split": "dev", "path": "none/*"},
                ],
            },
        ],
    }
    assert len(read(open_one(NAME))) == 4
    assert read(open_one(f"{NAME}?split=test")) == [["Held out. So it is."]]
    assert len(read(open_one(f"{NAME}/both"))) == 5
    assert len(read(open_one(f"{NAME}/en"))) == 3, "a folder is one too"
    assert "has no split 'dev', but test, train" in error_of(f"{NAME}?split=dev")
    assert open_one(NAME).describe()["licence"] == "mit, cc0-1.0"


@pytest.mark.parametrize(
    ("files", "config", "split", "chosen"),
    [
        (["data/train-00000-of-00002-0a1b.parquet"], None, None, ("train", [0])),
        (["train.parquet", "test.parquet"], None, None, ("train", [0])),
        (["plain/train/0000.parquet", "plain/test/0000.parquet"], "plain", "test", ("test", [1])),
        (["sample/10BT/000_00000.parquet", "data/x.parquet"], "sample/10BT", None, ("10BT", [0])),
        (["part-00001.parquet", "part-00002.parquet"], None, None, ("part", [0, 1])),
        (["validation-00000-of-00001.parquet"], None, None, ("validation", [0])),
    ],
)
def test_splits_are_known_by_the_names_of_files_or_folders(
    files: list[str], config: str | None, split: str | None, chosen: tuple[str, list[int]]
) -> None:
    found = chosen_files("hf:x", files, config, split, {})
    assert found == (chosen[0], [files[i] for i in chosen[1]])


def test_configurations_of_a_card_without_a_default_have_to_be_named() -> None:
    card = {"configs": [{"config_name": c, "data_files": f"{c}/*"} for c in ("a", "b")]}
    files = ["a/0.parquet", "b/0.parquet"]
    with pytest.raises(DataError, match="more than one configuration: a, b"):
        chosen_files("hf:x", files, None, None, card)
    card["configs"][1]["default"] = True
    assert chosen_files("hf:x", files, None, None, card) == ("train", ["b/0.parquet"])

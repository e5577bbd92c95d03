import pickle
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from documents import advanced, facts_of, open_one, read

import data_pipeline.documents.tfds as tfds_module
from data_pipeline.documents import PlainSource
from data_pipeline.documents.tfds import tfds_source
from data_pipeline.errors import DataError

tfds = pytest.importorskip("tensorflow_datasets")
pytest.importorskip("array_record")  # has no wheels but for Linux

TEXTS = [f"Document {i} is here. It has é in it.\n\nAnd a second paragraph." for i in range(60)]


class TinyText(tfds.core.GeneratorBasedBuilder):
    """A data set of a title and a text."""

    VERSION = tfds.core.Version("1.2.3")

    def _info(self) -> object:
        features = {"title": tfds.features.Text(), "text": tfds.features.Text()}
        return tfds.core.DatasetInfo(
            builder=self, features=tfds.features.FeaturesDict(features), license="CC0-1.0"
        )

    def _split_generators(self, dl_manager: object) -> dict[str, object]:
        del dl_manager
        return {
            "train": self._generate_examples(TEXTS),
            "test": self._generate_examples(["A.", "B.", "C."]),
        }

    def _generate_examples(self, texts: list[str]) -> Iterator[tuple[int, dict[str, str]]]:
        for i, text in enumerate(texts):
            yield i, {"title": f"Title {i}", "text": text}


def prepare(folder: Path, file_format: str = "array_record") -> Path:
    builder = TinyText(data_dir=str(folder), file_format=file_format)
    config = tfds.download.DownloadConfig(num_shards=3)
    builder.download_and_prepare(download_config=config)
    return folder


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A prepared data set, to read only."""
    return prepare(tmp_path_factory.mktemp("tfds"))


@pytest.fixture
def prepared(whole: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same, where it is looked for."""
    monkeypatch.setenv("TFDS_DATA_DIR", str(whole))
    return whole


@pytest.fixture
def copied(whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The version's folder of a copy, to break."""
    folder = tmp_path / "tiny_text" / "1.2.3"
    folder.mkdir(parents=True)
    for path in (whole / "tiny_text" / "1.2.3").iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))
    return folder


def folder_of(name: str) -> Path:
    return tfds_source(name, "text", "paragraph", "en").streams[0].folder


def error_of(name: str, **given: str) -> str:
    with pytest.raises(DataError) as caught:
        read(open_one(name, "paragraph", **given))
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.usefixtures("prepared")
@pytest.mark.parametrize("name", ["tfds:tiny_text", "tfds:tiny_text:1.2.3?split=train"])
def test_a_record_is_a_document_and_tensorflow_is_not_needed(name: str) -> None:
    documents = read(open_one(name))
    assert sorted(documents) == sorted([t.split("\n")[0], t.split("\n")[2]] for t in TEXTS)
    assert "tensorflow" not in sys.modules


@pytest.mark.usefixtures("prepared")
def test_the_split_and_the_key_can_be_named() -> None:
    assert sorted(read(open_one("tfds:tiny_text?split=test"))) == [["A."], ["B."], ["C."]]
    titles = read(open_one("tfds:tiny_text?split=test", text_key="title"))
    assert sorted(titles) == [["Title 0"], ["Title 1"], ["Title 2"]]


@pytest.mark.usefixtures("prepared")
def test_the_manifest_says_which_data_set_it_was() -> None:
    source = open_one("tfds:tiny_text")
    assert advanced(source) > 0
    sent = PlainSource("sent", pickle.loads(pickle.dumps(source.streams)), {})
    assert read(sent) == read(source)
    identities = [stream.identity() for stream in source.streams]
    assert len({facts["path"] for facts in identities}) == 3
    facts = facts_of(source)
    assert facts["lines"] == "paragraph"
    expected = {
        "kind": "tfds",
        "input": "tfds:tiny_text",
        "name": "tiny_text",
        "revision": "1.2.3",
        "licence": "CC0-1.0",
        "split": "train",
        "text_key": "text",
        "files": 3,
        "records": 60,
        "bytes": sum(len(text.encode()) for text in TEXTS),
    }
    assert {key: facts[key] for key in expected} == expected


def test_a_data_set_prepared_as_parquet_is_read_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare(tmp_path, "parquet")
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))
    assert len(read(open_one("tfds:tiny_text"))) == 60


def test_without_a_version_it_is_the_newest_and_a_card_names_the_configuration(
    copied: Path,
) -> None:
    old, new = copied, copied.parent / "plain" / "1.10.0"
    new.parent.mkdir()
    old.rename(new.with_name("1.9.0"))
    for path in new.with_name("1.9.0").iterdir():
        new.mkdir(exist_ok=True)
        (new / path.name).write_bytes(path.read_bytes())
    assert folder_of("tfds:tiny_text/plain") == new
    assert folder_of("tfds:tiny_text/plain:1.9.0").name == "1.9.0"
    assert "has plain/1.10.0, plain/1.9.0" in error_of("tfds:tiny_text")
    (copied.parent / "metadata.json").write_text('{"default_config_name": "plain"}')
    assert folder_of("tfds:tiny_text") == new


@pytest.mark.parametrize(
    "name", ["tfds:", "tfds:a b", "tfds:a:1.2", "tfds:a?key=x", "tfds:a/b/c", "tfds:../a"]
)
def test_what_is_no_name_of_a_data_set_is_an_error_that_shows_one(name: str) -> None:
    assert "such as tfds:wikipedia/20230601.simple?split=train" in error_of(name)


def test_a_data_set_that_is_not_there_is_an_error_with_the_command_that_prepares_it(
    prepared: Path,
) -> None:
    message = error_of("tfds:wikipedia/20230601.simple")
    assert message.endswith(
        "run: tfds build wikipedia/20230601.simple --file_format=array_record "
        f"--data_dir={prepared}"
    )
    message = error_of("tfds:tiny_text:9.0.0")
    assert f"(of it, {prepared} has 1.2.3)" in message
    assert "run: tfds build tiny_text:9.0.0 --file_format=array_record" in message


def test_a_data_set_that_only_tensorflow_reads_is_an_error_with_the_command_that_mends_it(
    copied: Path,
) -> None:
    path = copied / "dataset_info.json"
    path.write_text(path.read_text().replace("array_record", "tfrecord"))
    message = error_of("tfds:tiny_text")
    assert "is prepared as tfrecord, which only TensorFlow reads" in message
    assert message.endswith(
        f"run: tfds convert_format --dataset_version_dir={copied} --out_file_format=array_record"
    )


@pytest.mark.usefixtures("prepared")
def test_a_split_or_a_text_that_is_not_there_is_an_error_that_names_those_that_are() -> None:
    assert "has no split 'dev', but 'train', 'test'" in error_of("tfds:tiny_text?split=dev")
    assert "has no text 'body', but 'text', 'title'" in error_of("tfds:tiny_text", text_key="body")


def test_records_that_are_missing_are_an_error(copied: Path) -> None:
    (path,) = copied.glob("*train*-00001-of-*")
    whole = path.read_bytes()
    assert len(whole) == 2 << 16, "blocks of 64 KiB: a cut between two is the hardest to notice"
    for content in (whole[:-1], whole[: 1 << 16], b"", None):
        if content is None:
            path.unlink()
        else:
            path.write_bytes(content)
        message = error_of("tfds:tiny_text")
        assert f"train[20:40] in {copied} is damaged: " in message
        assert message.endswith("prepare it again, with --file_format=array_record")


def test_fewer_records_than_the_data_set_says_are_an_error(
    prepared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = open_one("tfds:tiny_text", "paragraph")
    builder = tfds_module._open("tfds:tiny_text", prepared / "tiny_text" / "1.2.3")
    monkeypatch.setattr(builder, "as_data_source", lambda *_, **__: [b""] * 7)
    with pytest.raises(DataError, match=r"train\[0:20\] in .* is damaged: 7 records of 20"):
        read(source)


@pytest.mark.parametrize("file", ["dataset_info.json", "features.json"])
def test_a_damaged_description_is_an_error_that_names_it(copied: Path, file: str) -> None:
    (copied / file).write_text("{")
    assert f"{copied / file} is damaged" in error_of("tfds:tiny_text")

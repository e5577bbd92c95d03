import gzip
import json
import random
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import data_pipeline.documents.text as text_module
from bert_jax.recipes.inspect_store import show_store, store_facts
from data_pipeline.cleaning.rules import CleaningRules
from data_pipeline.errors import DataError
from data_pipeline.preparation.prepare import prepare, vocabulary_from
from data_pipeline.store.token_store import Split, TokenStore
from data_pipeline.text import parts
from data_pipeline.text.sentences import split_sentences
from data_pipeline.text.words import count_words
from data_pipeline.tokenization.rules import Rules
from data_pipeline.tokenization.tokenizer import Tokenizer
from data_pipeline.tokenization.vocabulary import train_wordpiece

WORDS = "the a cat dog walks talks sleeps under over table house quietly [MASK] naïve 中文".split()


def sentence(rng: random.Random) -> str:
    return " ".join(["The", *rng.choices(WORDS, k=rng.randint(3, 9))]) + "."


def make_documents(count: int, seed: int = 0) -> list[list[str]]:
    """Documents of paragraphs of several sentences each."""
    rng = random.Random(seed)
    return [
        [
            " ".join(sentence(rng) for _ in range(rng.randint(2, 4)))
            for _ in range(rng.randint(1, 3))
        ]
        for _ in range(count)
    ]


def text_of(documents: list[list[str]]) -> bytes:
    return "\n\n".join("\n".join(document) for document in documents).encode()


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    texts = [paragraph for document in make_documents(50) for paragraph in document]
    return train_wordpiece(texts, size=100)


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    folder = tmp_path / "corpus"
    folder.mkdir()
    (folder / "a.txt").write_bytes(text_of(make_documents(120)))
    (folder / "b.txt.gz").write_bytes(gzip.compress(text_of(make_documents(80, seed=1))))
    return folder


def files_of(store: TokenStore) -> dict[str, bytes]:
    paths = (path for path in store.path.rglob("*") if path.is_file())
    return {path.relative_to(store.path).as_posix(): path.read_bytes() for path in paths}


def sentences_of(split: Split) -> list[list[int]]:
    bounds = zip(split.sentence_offsets, split.sentence_offsets[1:], strict=False)
    return [split.tokens[start:end].tolist() for start, end in bounds]


def test_the_store_holds_every_sentence_of_the_text_once(
    corpus: Path, tokenizer: Tokenizer, tmp_path: Path
) -> None:
    store = prepare([corpus], tokenizer, tmp_path / "store", eval_share=0.1, workers=1)
    documents = [*make_documents(120), *make_documents(80, seed=1)]
    expected = [
        tokenizer.encode(sentence)
        for document in documents
        for paragraph in document
        for sentence in split_sentences(paragraph)
    ]
    assert sorted(sentences_of(store.train) + sentences_of(store.eval)) == sorted(expected)
    assert store.train.num_documents + store.eval.num_documents == 200
    counts = store.manifest["splits"]
    words = sum(count_words(p) for document in documents for p in document)
    assert counts["train"]["words"] + counts["eval"]["words"] == words
    (source,) = store.manifest["sources"]
    assert source["input"] == str(corpus)
    assert source["files"] == 2
    assert source["lines"] == "paragraph"


def test_the_number_of_workers_changes_no_byte_of_the_store(
    corpus: Path, tokenizer: Tokenizer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(text_module, "UNIT_BYTES", 4000)
    stores = [
        prepare([corpus], tokenizer, tmp_path / f"store{n}", eval_share=0.1, workers=n)
        for n in (1, 2)
    ]
    assert files_of(stores[0]) == files_of(stores[1])


def test_the_size_of_a_unit_changes_no_token(
    corpus: Path, tokenizer: Tokenizer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fingerprints = set()
    for size in (500, 5000, 1 << 20):
        monkeypatch.setattr(text_module, "UNIT_BYTES", size)
        store = prepare([corpus], tokenizer, tmp_path / str(size), eval_share=0.1, workers=1)
        fingerprints.add(store.fingerprint)
    assert len(fingerprints) == 1


def test_a_huge_document_is_looked_at_in_parts_with_the_same_result(
    corpus: Path, tokenizer: Tokenizer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (corpus / "control.txt").write_text("Control\x07s. The cat\x80 sleeps.\n" * 9)
    found = []
    for size in (100, parts.PART):
        monkeypatch.setattr(parts, "PART", size)
        store = prepare([corpus], tokenizer, tmp_path / str(size), eval_share=0.1, workers=1)
        vocab = vocabulary_from([corpus], 90, workers=1).vocab
        found.append((files_of(store), vocab))
    assert found[0] == found[1]


def test_a_document_is_held_out_by_its_own_text_alone(
    corpus: Path, tokenizer: Tokenizer, tmp_path: Path
) -> None:
    both = prepare([corpus], tokenizer, tmp_path / "both", eval_share=0.2, workers=1)
    alone = prepare([corpus / "a.txt"], tokenizer, tmp_path / "one", eval_share=0.2, workers=1)
    held_out = sentences_of(alone.eval)
    assert sentences_of(both.eval)[: len(held_out)] == held_out
    assert 0.1 < both.eval.num_documents / 200 < 0.3


def test_copies_of_a_document_are_on_one_side(tokenizer: Tokenizer, tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(text_of(make_documents(60) * 3))
    store = prepare([path], tokenizer, tmp_path / "store", eval_share=0.2, workers=1)
    held_out = {tuple(s) for s in sentences_of(store.eval)}
    assert store.eval.num_documents % 3 == 0
    assert held_out.isdisjoint(tuple(s) for s in sentences_of(store.train))


def test_lines_that_are_sentences_are_not_split_again(tokenizer: Tokenizer, tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(text_of(make_documents(40)))
    lines = sum(len(document) for document in make_documents(40))
    store = prepare([path], tokenizer, tmp_path / "s", lines="sentence", eval_share=0.2, workers=1)
    assert store.train.num_sentences + store.eval.num_sentences == lines


def test_what_has_no_token_is_dropped_and_counted(tokenizer: Tokenizer, tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    odd = b"\n\n\0\n\xe2\x80\x8b\n\nThe cat.\n\0\nThe dog \xff sleeps."
    path.write_bytes(text_of(make_documents(60)) + odd)
    store = prepare([path], tokenizer, tmp_path / "s", lines="sentence", eval_share=0.2, workers=1)
    assert store.manifest["dropped_sentences"] == 3
    assert store.manifest["dropped_documents"] == 1
    assert store.manifest["replaced_characters"] == 1
    assert store.train.num_documents + store.eval.num_documents == 61


def test_control_characters_change_no_id_and_are_no_characters_of_the_text(
    tokenizer: Tokenizer, tmp_path: Path
) -> None:
    text = text_of(make_documents(60))
    stores = []
    for name, content in (("a", text), ("b", text.replace(b"e", b"e\0\x07", 25))):
        (tmp_path / f"{name}.txt").write_bytes(content)
        path, output = tmp_path / f"{name}.txt", tmp_path / name
        stores.append(prepare([path], tokenizer, output, eval_share=0.2, workers=1).manifest)
    clean, odd = stores
    assert clean["removed_control_characters"] == 0
    assert odd["removed_control_characters"] == 50
    assert odd["splits"] == clean["splits"]
    assert odd["fingerprint"] == clean["fingerprint"]
    assert "50 control characters removed" in show_store(store_facts(tmp_path / "b"))


def test_a_special_token_in_the_corpus_is_not_in_the_store(
    corpus: Path, tokenizer: Tokenizer, tmp_path: Path
) -> None:
    assert b"[MASK]" in (corpus / "a.txt").read_bytes()
    store = prepare([corpus], tokenizer, tmp_path / "store", eval_share=0.1, workers=1)
    specials = {tokenizer.pad_id, tokenizer.cls_id, tokenizer.sep_id, tokenizer.mask_id}
    assert specials.isdisjoint(store.train.tokens.tolist())


def test_the_unicode_form_comes_before_the_sentences(tmp_path: Path) -> None:
    texts = [paragraph for document in make_documents(50) for paragraph in document]
    rules = Rules(False, unicode_form="nfkc")
    tokenizer = train_wordpiece(texts, size=100, rules=rules)
    plain, wide = tmp_path / "plain.txt", tmp_path / "wide.txt"
    plain.write_bytes(text_of(make_documents(60)))
    # U+FF0E, a full stop of full width, ends no sentence before a space.
    wide.write_bytes(text_of(make_documents(60)).replace(b"table.", "ｔable\uff0e".encode()))
    stores = [
        prepare([path], tokenizer, tmp_path / path.stem, eval_share=0.2, workers=1)
        for path in (plain, wide)
    ]
    assert stores[0].fingerprint == stores[1].fingerprint


@pytest.mark.parametrize(
    ("share", "split", "remedy"), [(1e-9, "eval", "raise"), (0.999999, "train", "lower")]
)
def test_an_empty_split_is_an_error_with_its_remedy(
    tokenizer: Tokenizer, tmp_path: Path, share: float, split: str, remedy: str
) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(text_of(make_documents(5)))
    with pytest.raises(DataError, match=f"left for {split}: .* 5 documents .* {remedy} eval_share"):
        prepare([path], tokenizer, tmp_path / "store", eval_share=share, workers=1)
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]


def test_bad_input_leaves_nothing_behind(tokenizer: Tokenizer, tmp_path: Path) -> None:
    path = tmp_path / "a.txt.gz"
    path.write_bytes(gzip.compress(text_of(make_documents(2000)))[:-50])
    with pytest.raises(DataError, match=r"a\.txt\.gz: damaged gzip"):
        prepare([path], tokenizer, tmp_path / "store", workers=1)
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt.gz"]


@pytest.mark.parametrize("share", [0.0, 1.0, -1.0, float("nan")])
def test_an_impossible_share_is_an_error(
    tokenizer: Tokenizer, tmp_path: Path, share: float
) -> None:
    with pytest.raises(DataError, match="above 0 and below 1"):
        prepare(["a.txt"], tokenizer, tmp_path / "store", eval_share=share)


def test_a_second_prepare_to_the_same_place_is_an_error(
    corpus: Path, tokenizer: Tokenizer, tmp_path: Path
) -> None:
    first = prepare([corpus], tokenizer, tmp_path / "store", eval_share=0.1, workers=1)
    before = files_of(first)
    with pytest.raises(DataError, match="there already"):
        prepare([corpus], tokenizer, tmp_path / "store", eval_share=0.2, workers=1)
    assert files_of(first) == before


def test_a_vocabulary_is_the_same_for_any_number_of_workers(
    corpus: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(text_module, "UNIT_BYTES", 4000)
    alone = vocabulary_from([corpus], 90, workers=1)
    assert alone.fingerprint == vocabulary_from([corpus], 90, workers=2).fingerprint
    assert not alone.cased
    assert vocabulary_from(corpus, 90, cased=True, workers=1).cased


class Recorder:
    """A progress that remembers."""

    def __init__(self) -> None:
        self.tasks: list[dict[str, object]] = []

    @contextmanager
    def __call__(self, description: str, total: int | None, unit: str) -> Iterator["Recorder"]:
        self.tasks.append(
            {"description": description, "total": total, "unit": unit, "done": 0, "note": ""}
        )
        yield self

    def advance(self, n: int = 1) -> None:
        self.tasks[-1]["done"] += n

    def note(self, text: str) -> None:
        self.tasks[-1]["note"] = text


def test_progress_reaches_its_total_and_says_how_lines_were_taken(
    corpus: Path, tokenizer: Tokenizer, tmp_path: Path
) -> None:
    progress = Recorder()
    store = prepare(
        [corpus], tokenizer, tmp_path / "s", eval_share=0.1, workers=1, progress=progress
    )
    assert [task["description"] for task in progress.tasks] == [
        f"reading {corpus}",
        "tokenising",
        "writing the store",
    ]
    assert "taken for a paragraph" in str(progress.tasks[0]["note"])
    assert progress.tasks[1]["done"] == progress.tasks[1]["total"]
    assert progress.tasks[1]["unit"] == "B"
    assert json.dumps(store.manifest)


def test_without_apache_beam_the_error_says_how_to_install_it(
    corpus: Path, tokenizer: Tokenizer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "apache_beam", None)
    with pytest.raises(DataError, match=r"pip install 'bert-jax\[beam\]'"):
        prepare([corpus], tokenizer, tmp_path / "store", eval_share=0.1, beam_options=[])
    assert not (tmp_path / "store").exists()


def test_what_cleaning_drops_is_counted_by_reason_and_the_first_of_copies_stays(
    tokenizer: Tokenizer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(text_module, "UNIT_BYTES", 2000)
    documents = make_documents(60)
    copies = [[line.upper() for line in document] for document in documents[:7]]
    for name, some in (("a.txt", documents), ("b.txt", [*copies, ["The cat."], *copies])):
        (tmp_path / name).write_bytes(text_of(some))
    inputs = [tmp_path / "a.txt", tmp_path / "b.txt"]
    rules = CleaningRules(min_words=3, exact_duplicates=True)
    stores = [
        prepare(
            inputs, tokenizer, tmp_path / f"store{n}", eval_share=0.2, cleaning=rules, workers=n
        )
        for n in (1, 2)
    ]
    assert files_of(stores[0]) == files_of(stores[1])
    cleaning = stores[0].manifest["cleaning"]
    assert cleaning["rules"]["min_words"] == 3
    dropped = cleaning["dropped"]
    assert {reason: facts["documents"] for reason, facts in dropped.items()} == {
        "too_short": 1,
        "exact_duplicate": 14,
    }
    assert dropped["too_short"]["examples"] == ["The cat."]
    alone = prepare(inputs[:1], tokenizer, tmp_path / "alone", eval_share=0.2, workers=1)
    assert stores[0].fingerprint == alone.fingerprint
    first, second = stores[0].manifest["sources"]
    assert first["train_documents"] + first["eval_documents"] == 60
    assert second["train_documents"] + second["eval_documents"] == 0


def test_where_cleaning_drops_everything_its_rules_are_named_and_nothing_is_left(
    corpus: Path, tokenizer: Tokenizer, tmp_path: Path
) -> None:
    for rules, said in (
        (CleaningRules(scripts=("Greek",)), "wrong script 200"),
        (CleaningRules(min_words=10_000), "too short 200"),
    ):
        with pytest.raises(DataError, match=f"the rules of cleaning dropped {said}$"):
            prepare([corpus], tokenizer, tmp_path / "store", workers=1, cleaning=rules)
    assert [path.name for path in tmp_path.iterdir()] == ["corpus"]

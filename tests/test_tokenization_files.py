import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from test_tokenization_tokenizer import CASED_VOCAB, VOCAB, uncased, write
from tokenizers import Tokenizer as HFTokenizer

from data_pipeline.errors import DataError
from data_pipeline.tokenization.rules import Rules
from data_pipeline.tokenization.text_tokenizer import SPECIALS
from data_pipeline.tokenization.tokenizer import Tokenizer, load_tokenizer


def test_a_saved_folder_opens_as_the_same_tokenizer(tmp_path: Path) -> None:
    for rules in (Rules(True), Rules(False), Rules(False, strip_accents=False)):
        saved = Tokenizer(CASED_VOCAB if rules.cased else VOCAB, rules, model_max_length=128)
        folder = tmp_path / str(rules)
        saved.save(folder)
        opened = load_tokenizer(folder)
        assert opened.fingerprint == saved.fingerprint
        assert (opened.rules, opened.model_max_length) == (rules, 128)
        assert sorted(path.name for path in folder.iterdir()) == [
            *("tokenizer.json", "tokenizer_config.json", "vocab.txt")
        ]


def test_the_folder_has_the_rules_under_the_names_others_read(tmp_path: Path) -> None:
    uncased().save(tmp_path)
    config = json.loads((tmp_path / "tokenizer_config.json").read_text("utf-8"))
    assert config["do_lower_case"] is True
    assert config["strip_accents"] is None
    assert config["tokenize_chinese_chars"] is True
    assert config["model_max_length"] == 512
    assert config["mask_token"] == "[MASK]"
    full = HFTokenizer.from_file(str(tmp_path / "tokenizer.json"))
    pair = full.encode("the walk", "[MASK]")
    assert pair.tokens == ["[CLS]", "the", "walk", "[SEP]", "[MASK]", "[SEP]"]
    assert pair.type_ids == [0, 0, 0, 0, 1, 1]


def test_each_file_of_the_folder_is_enough_with_the_configuration(tmp_path: Path) -> None:
    saved = Tokenizer(CASED_VOCAB, Rules(True))
    for removed in ("vocab.txt", "tokenizer.json"):
        folder = tmp_path / removed.removesuffix(".json")
        saved.save(folder)
        (folder / removed).unlink()
        assert load_tokenizer(folder).fingerprint == saved.fingerprint


def test_saving_twice_is_no_error_but_another_tokenizer_is_never_overwritten(
    tmp_path: Path,
) -> None:
    uncased().save(tmp_path)
    uncased().save(tmp_path)
    with pytest.raises(DataError, match="another tokeniser"):
        Tokenizer(CASED_VOCAB, Rules(True)).save(tmp_path)


def test_a_killed_save_leaves_no_half_tokenizer_and_the_next_completes_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At every rename, and before it with the file half-written."""
    tokenizer = uncased()
    tokenizer.save(tmp_path / "whole")
    whole = {path.name: path.read_bytes() for path in (tmp_path / "whole").iterdir()}
    rename = Path.replace
    for renames in range(len(whole) + 1):
        folder, left = tmp_path / str(renames), iter(range(renames))

        def killed(path: Path, target: Path, left: Iterator[int] = left) -> Path:
            if next(left, None) is None:
                rename(path, path.with_name(f"{target.name}.killed"))
                raise KeyboardInterrupt
            return rename(path, target)

        monkeypatch.setattr(Path, "replace", killed)
        with contextlib.suppress(KeyboardInterrupt):
            tokenizer.save(folder)
        monkeypatch.undo()
        there = {path.name for path in folder.iterdir()} & {*whole}
        assert len(there) == renames
        if there <= {"tokenizer_config.json"}:
            with pytest.raises(DataError, match="holds neither"):
                load_tokenizer(folder)
        else:
            assert load_tokenizer(folder).fingerprint == tokenizer.fingerprint
        for path in folder.glob("*.killed"):
            os.utime(path, (0, 0))
        tokenizer.save(folder)
        assert {path.name: path.read_bytes() for path in folder.iterdir()} == whole


@pytest.mark.parametrize("kept", ["vocab.txt", "tokenizer.json", "tokenizer_config.json"])
def test_one_file_of_the_same_tokenizer_is_completed_and_of_another_is_not(
    tmp_path: Path, kept: str
) -> None:
    for folder in (tmp_path / "same", tmp_path / "other"):
        uncased().save(folder)
        for path in folder.iterdir():
            if path.name != kept:
                path.unlink()
    uncased().save(tmp_path / "same")
    assert load_tokenizer(tmp_path / "same").fingerprint == uncased().fingerprint
    assert len(list((tmp_path / "same").iterdir())) == 3
    with pytest.raises(DataError, match="another tokeniser"):
        Tokenizer(CASED_VOCAB, Rules(True)).save(tmp_path / "other")
    assert [path.name for path in (tmp_path / "other").iterdir()] == [kept]


def test_a_tokenizer_is_not_saved_among_other_files(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(DataError, match="holds neither"):
        uncased().save(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


@pytest.mark.parametrize("folder", [True, False])
def test_a_bare_vocabulary_without_capitals_is_not_taken_for_a_cased_one(
    tmp_path: Path, folder: bool
) -> None:
    words = [f"word{i}" for i in range(100)]
    path = tmp_path / "vocab.txt"

    def load(words: list[str], cased: bool) -> bool:
        path.write_text("".join(f"{token}\n" for token in [*SPECIALS, *words]))
        return load_tokenizer(tmp_path if folder else path, cased).cased

    with pytest.raises(
        DataError, match=r"vocab\.txt: none of its 105 tokens holds a capital.*cased=False"
    ):
        load(words, cased=True)
    assert not load(words, cased=False)
    assert load([*words, "Word"], cased=True)
    assert load(words[:9], cased=True), "too few to be sure"
    assert load([chr(0xE01 + i) for i in range(46)] + [f"##{i}" for i in range(99)], cased=True)
    (tmp_path / "tokenizer_config.json").write_text('{"do_lower_case": false}')
    if folder:
        assert load(words, cased=True)


def test_a_bare_vocabulary_is_taken_only_with_its_case(tmp_path: Path) -> None:
    path = write(tmp_path, VOCAB)
    for where in (path, tmp_path):
        with pytest.raises(DataError, match="cased"):
            load_tokenizer(where)
        assert load_tokenizer(where, cased=False).encode("THE") == [VOCAB.index("the")]
        assert load_tokenizer(where, cased=True).cased


def test_capitals_in_an_uncased_vocabulary_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"'Walk'.*cased"):
        load_tokenizer(write(tmp_path, CASED_VOCAB), cased=False)


def test_a_case_that_contradicts_the_folder_is_an_error(tmp_path: Path) -> None:
    uncased().save(tmp_path)
    assert load_tokenizer(tmp_path, cased=False).vocab == tuple(VOCAB)
    with pytest.raises(DataError, match=r"uncased.*cased=True"):
        load_tokenizer(tmp_path, cased=True)


@pytest.mark.parametrize("special", SPECIALS)
def test_a_vocabulary_without_a_special_token_is_an_error(tmp_path: Path, special: str) -> None:
    path = write(tmp_path, [token for token in VOCAB if token != special])
    with pytest.raises(DataError, match=rf"lacks \{special[:-1]}"):
        load_tokenizer(path, cased=False)


def test_a_token_on_two_lines_is_an_error_that_names_both(tmp_path: Path) -> None:
    path = write(tmp_path, [*VOCAB, "walk"])
    lines = f"line {VOCAB.index('walk') + 1} and on line {len(VOCAB) + 1}"
    with pytest.raises(DataError, match=f"'walk' is on {lines}"):
        load_tokenizer(path, cased=False)


def test_an_empty_line_inside_a_vocabulary_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="line 3 is empty"):
        load_tokenizer(write(tmp_path, [*VOCAB[:2], "", *VOCAB[2:]]), cased=False)


def test_windows_line_ends_and_a_byte_order_mark_do_not_belong_to_tokens(tmp_path: Path) -> None:
    path = tmp_path / "vocab.txt"
    path.write_bytes(b"\xef\xbb\xbf" + "\r\n".join(VOCAB).encode())
    assert load_tokenizer(path, cased=False).vocab == tuple(VOCAB)


def test_what_is_no_tokenizer_is_an_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="nowhere"):
        load_tokenizer(tmp_path / "nowhere")
    with pytest.raises(DataError, match=r"neither vocab\.txt nor tokenizer\.json"):
        load_tokenizer(tmp_path)
    binary = tmp_path / "vocab.txt"
    binary.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match="UTF-8"):
        load_tokenizer(binary, cased=True)


def test_files_of_one_folder_that_disagree_are_an_error(tmp_path: Path) -> None:
    uncased().save(tmp_path)
    write(tmp_path, [*VOCAB, "more"])
    with pytest.raises(DataError, match="different vocabularies"):
        load_tokenizer(tmp_path)
    write(tmp_path, VOCAB)
    (tmp_path / "tokenizer_config.json").write_text('{"do_lower_case": false}')
    with pytest.raises(DataError, match="disagree about do_lower_case"):
        load_tokenizer(tmp_path)


def test_a_tokenizer_of_another_kind_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_text('{"model": {"type": "BPE"}}')
    with pytest.raises(DataError, match="BPE"):
        load_tokenizer(tmp_path)
    (tmp_path / "tokenizer.json").write_text("{")
    with pytest.raises(DataError, match="not JSON"):
        load_tokenizer(tmp_path)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("model_max_length", value) for value in ("abc", None, 0, -1, float("nan"), True, [])),
        *(("do_lower_case", value) for value in ("no", 1, None)),
        *(("tokenize_chinese_chars", value) for value in ("no", None)),
        ("strip_accents", "no"),
    ],
)
def test_a_field_of_the_configuration_of_another_type_is_an_error_that_names_it(
    tmp_path: Path, field: str, value: object
) -> None:
    uncased().save(tmp_path)
    path = tmp_path / "tokenizer_config.json"
    path.write_text(json.dumps({**json.loads(path.read_text("utf-8")), field: value}))
    for without in ("nothing", "tokenizer.json"):
        (tmp_path / without).unlink(missing_ok=True)
        with pytest.raises(DataError, match=rf"tokenizer_config\.json: {field} must be .*; got "):
            load_tokenizer(tmp_path)


@pytest.mark.parametrize(
    ("inside", "field", "value", "message"),
    [
        ("", "model", [], r"model must be an object; got \[\]"),
        ("", "normalizer", None, "normalizer must be an object; got None"),
        ("", "added_tokens", {}, "added_tokens must be a list"),
        ("", "added_tokens", ["[CLS]"], r"added_tokens must hold objects; got '\[CLS\]'"),
        ("", "added_tokens", [{"id": 7}], "content must be text; got nothing"),
        ("", "added_tokens", [{"content": "x"}], "id must be a whole number; got nothing"),
        ("", "added_tokens", [{"content": "x", "id": "7"}], "id must be a whole number; got '7'"),
        ("model", "vocab", ["a"], "vocab must be an object"),
        ("model", "vocab", {"a": "0"}, "the id of 'a' must be a whole number; got '0'"),
        ("model", "vocab", {"a": None}, "the id of 'a' must be a whole number; got None"),
        ("normalizer", "lowercase", "no", "lowercase must be true or false; got 'no'"),
        ("normalizer", "strip_accents", 0, "strip_accents must be true or false; got 0"),
        ("normalizer", "handle_chinese_chars", "no", "handle_chinese_chars must be true or false"),
    ],
)
def test_a_field_of_the_full_file_of_another_type_is_an_error_that_names_it(
    tmp_path: Path, inside: str, field: str, value: object, message: str
) -> None:
    uncased().save(tmp_path)
    path = tmp_path / "tokenizer.json"
    full = json.loads(path.read_text("utf-8"))
    (full[inside] if inside else full)[field] = value
    path.write_text(json.dumps(full))
    with pytest.raises(DataError, match=rf"tokenizer\.json: {message}"):
        load_tokenizer(tmp_path)


def test_an_empty_full_file_is_damaged_and_not_absent(tmp_path: Path) -> None:
    uncased().save(tmp_path)
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(DataError, match=r"tokenizer\.json: needs the model WordPiece"):
        load_tokenizer(tmp_path)


def test_no_limit_of_the_length_is_taken_for_the_original_length(tmp_path: Path) -> None:
    uncased().save(tmp_path)
    (tmp_path / "tokenizer_config.json").write_text('{"model_max_length": 1e30}')
    assert load_tokenizer(tmp_path).model_max_length == 512

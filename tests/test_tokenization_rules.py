import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer as HFTokenizer

from data_pipeline.errors import DataError
from data_pipeline.tokenization.rules import LONGEST_WORD, Rules, marked_scripts
from data_pipeline.tokenization.text_tokenizer import SPECIALS
from data_pipeline.tokenization.tokenizer import Tokenizer, load_tokenizer

THAI = "ภาษาไทยเป็นภาษาที่มีระดับเสียงของคำแน่นอนหรือวรรณยุกต์"
KHMER = "ភាសាខ្មែរជាភាសាកំណើតរបស់ជនជាតិខ្មែរនិងជាភាសាផ្លូវការ"
# Capitals, full width, marks that compose with a letter or a sign, in more than one order.
ODD = "jJaAeZ<=ｗＷǰ①ﬁ가ᄀ\u1161\u0301\u0323\u030c\u0338\u00a0\u00a8 ,.\n"


def vocab_of(*texts: str) -> list[str]:
    letters = sorted({c for text in texts for c in text if not c.isspace()})
    return [*SPECIALS, *letters, *(f"##{c}" for c in letters)]


def words_of(tokenizer: Tokenizer, text: str) -> list[str]:
    ids = tokenizer.encode(text)
    joined = "".join(
        tokenizer.id_to_token(i)[2:] if goes_on else " " + tokenizer.id_to_token(i)
        for i, goes_on in zip(ids, tokenizer.continues_word[ids], strict=True)
    )
    return joined.split()


@given(
    text=st.text(st.sampled_from(ODD)),
    form=st.sampled_from(["nfc", "nfkc"]),
    cased=st.booleans(),
    accents=st.booleans(),
)
def test_the_unicode_form_comes_first_and_the_cached_path_equals_the_file(
    text: str, form: str, cased: bool, accents: bool
) -> None:
    letters = {*ODD, *unicodedata.normalize("NFKC", ODD), *unicodedata.normalize("NFD", ODD)}
    vocab = vocab_of("".join(c if cased else c.lower() for c in letters))
    tokenizer = Tokenizer(vocab, Rules(cased, accents, unicode_form=form))
    pipeline = HFTokenizer.from_str(tokenizer._contents()["tokenizer.json"].decode())
    expected = pipeline.encode(text, add_special_tokens=False).ids
    assert tokenizer.encode(text) == expected
    normal = unicodedata.normalize(form.upper(), text)
    assert Tokenizer(vocab, Rules(cased, accents)).encode(normal) == expected


def test_the_unicode_form_is_recorded_and_read_back(tmp_path) -> None:
    texts = "e\u0301 é ｗ"
    for form in ("nfc", "nfkc", "none"):
        saved = Tokenizer(vocab_of(texts, "w"), Rules(True, unicode_form=form))
        for removed in ("", "vocab.txt", "tokenizer.json"):
            folder = tmp_path / form / (removed or "all")
            saved.save(folder)
            (folder / removed).unlink() if removed else None
            opened = load_tokenizer(folder)
            assert opened.rules.unicode_form == form
            assert opened.fingerprint == saved.fingerprint
            assert opened.encode(texts) == saved.encode(texts)
    composed = load_tokenizer(tmp_path / "nfc/all").encode("e\u0301")
    assert composed == load_tokenizer(tmp_path / "nfc/all").encode("é")
    config = tmp_path / "none/all/tokenizer_config.json"
    assert "unicode" not in config.read_text()
    config.write_text(config.read_text().replace("{", '{"unicode_normalization": "nfc",', 1))
    with pytest.raises(DataError, match="disagree about unicode_normalization"):
        load_tokenizer(tmp_path / "none/all")


def test_an_unknown_unicode_form_is_an_error() -> None:
    with pytest.raises(DataError, match="one of none, nfc, nfkc; got 'NFC'"):
        Rules(True, unicode_form="NFC")


def test_rules_that_are_not_used_change_no_fingerprint() -> None:
    tokenizer = Tokenizer([*SPECIALS, "a"], Rules(False))
    assert tokenizer.fingerprint.startswith("00dacf69db08")


@pytest.mark.parametrize("script", [THAI, KHMER])
def test_a_long_run_of_a_script_without_spaces_becomes_words_instead_of_unknown(
    script: str,
) -> None:
    run = script * 7
    vocab = vocab_of(run, "abc,")
    text = f"abc {run}, abc{run}"
    assert "[UNK]" in words_of(Tokenizer(vocab, Rules(True)), text)
    words = words_of(Tokenizer(vocab, Rules(True, split_long_runs=True)), text)
    assert "".join(words) == text.replace(" ", "")
    runs = [word for word in words if word not in ("abc", ",")]
    assert all(LONGEST_WORD // 2 <= len(word) <= LONGEST_WORD for word in runs[:-1])
    # A word begins with a letter, not with a mark that belongs to the letter before.
    assert not any(unicodedata.category(word[0]).startswith("M") for word in runs)
    assert not any(word[-1] in "เแโใไ\u17d2" for word in runs)


@given(st.lists(st.text(st.sampled_from(THAI + "abc,中"), max_size=100) | st.just("x" * 120)))
def test_splitting_long_runs_changes_no_other_ids(words: list[str]) -> None:
    vocab = vocab_of(THAI, "abcx,中")
    text = " ".join(words)
    split = Tokenizer(vocab, Rules(True, split_long_runs=True))
    assert split.encode(text) == Tokenizer(vocab, Rules(True)).encode(text)


def test_splitting_long_runs_is_recorded_and_read_back(tmp_path) -> None:
    saved = Tokenizer(vocab_of(THAI), Rules(True, split_long_runs=True))
    for removed in ("", "vocab.txt", "tokenizer.json"):
        folder = tmp_path / (removed or "all")
        saved.save(folder)
        (folder / removed).unlink() if removed else None
        opened = load_tokenizer(folder)
        assert opened.fingerprint == saved.fingerprint
        assert opened.encode(THAI * 5) == saved.encode(THAI * 5)
    full = HFTokenizer.from_file(str(tmp_path / "all/tokenizer.json"))
    assert full.encode(THAI * 5, add_special_tokens=False).ids == saved.encode(THAI * 5)


def test_scripts_whose_letters_are_marks_are_named_where_they_are_no_guests() -> None:
    assert marked_scripts([*SPECIALS, "a", "é", "ж", "中"]) == []
    assert marked_scripts([*SPECIALS, "ภา", "##ษา", "हि", "가"]) == ["Devanagari", "Hangul", "Thai"]
    assert marked_scripts([*(f"w{i}" for i in range(500)), "ภา"]) == []

"""WordPiece ids against a second implementation of the original's rules, character by character."""

import random
from pathlib import Path

import pytest
from exactness import hold
from original_wordpiece import HUGGING_FACE, ORIGINAL, Choices, OriginalTokenizer

from data_pipeline.tokenization.rules import LONGEST_WORD, Rules
from data_pipeline.tokenization.text_tokenizer import SPECIALS
from data_pipeline.tokenization.tokenizer import Tokenizer, load_tokenizer

pytestmark = pytest.mark.heavy

# Characters of the first plane that came into Unicode, or into another category, after the tables
# of the library (version 8) or after those of a Python in use, and are a mark, a format character,
# a punctuation mark or a letter with two cases in one of them.
NEWER_RANGES = """
    061D 07FD 0890-0891 0897-089F 08CA-08E2 09FD-09FE 0A76 0AFA-0AFF 0B55 0C04 0C3C 0C77 0C84 0D00
    0D3B-0D3C 0D81 0EBA 0ECE 166D 1734 180F 1885-1886 1ABF-1AEB 1B4E-1B4F 1B7D-1B7F 1C89 1DF6-1DFB
    2E43-2E5D A7CB-A7DC A82C A8C5 A8FF A9BD
"""
NEWER = frozenset(
    chr(i)
    for ends in NEWER_RANGES.split()
    for i in range(int(ends[:4], 16), int(ends[-4:], 16) + 1)
)
VOCABULARIES = {"uncased": False, "cased": True, "chinese": True}
STRINGS = 5000
# Where scripts, cases, marks and spaces are most likely to go wrong.
ALPHABETS = [
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ",
    "0123456789.,-'\"#[]()$%&*+/:;<=>?@\\^_`{|}~!",
    "ΟΔΥΣΣσςΆάΐΰᾈᾳῼ'’· ",
    "İIıiŞşĞğ\u0307 ",
    "ﬀﬁﬂﬃﬅﬆﬓﬗǄǅǆǇǈĲĳŒœÆæßẞſ",
    "\u037e\u0387\u1fef\u2126\u212a\u212b\u0340\u0341\u0343\u0344\u0374\u0958\ufb1d\ufb4f",
    "\u200b\u200c\u200d\u200e\u200f\u202a\u202e\u2060\u2066\ufeff\u00ad\u061c\u180e\ufffc\ufffd",
    "\u2028\u2029\u00a0\u1680\u202f\u205f\u3000\x85\t\n\r\x0b\x0c\x1c\x1f \0\x7f",
    "\ud7ff\ud7fb\ue000\uf8ff\ufdd0\ufffe\uffff\U0001fffe\U000f0000\U0010fffd\U0010ffff",
    "#*0123\u20e3\ufe0f👍👍🏽❤️👩‍👩‍👧🇩🇪🏴\U000e0067\U000e007f",
    "中文字体日本語漢字豈更\uff01\uff21\uff41\uffe5、。「」",
    "\U00020000\U0002a6d6\U0002a700\U0002b740\U0002b820\U0002b91f\U0002b920\U0002ceaf\U0002f800",
]
RANGES = [
    *((0x00, 0x7F), (0x80, 0xFF), (0x100, 0x24F), (0x250, 0x2AF), (0x300, 0x36F), (0x370, 0x3FF)),
    *((0x400, 0x52F), (0x531, 0x58F), (0x591, 0x5F4), (0x600, 0x6FF), (0x900, 0x97F)),
    *((0xB80, 0xBFF), (0xE00, 0xE5B), (0x10A0, 0x10FF), (0x1100, 0x11FF), (0x1E00, 0x1FFF)),
    *((0x2000, 0x206F), (0x20D0, 0x20F0), (0x2100, 0x218F), (0x2E80, 0x2FDF), (0x3000, 0x30FF)),
    *((0x3130, 0x318F), (0x4E00, 0x9FCC), (0xAC00, 0xD7A3), (0xF900, 0xFAFF), (0xFE20, 0xFE2F)),
    *((0xFF00, 0xFFEF), (0x10400, 0x1044F), (0x1D400, 0x1D7FF), (0x1F300, 0x1F64F)),
    *((0x20000, 0x2A6D6), (0x0, 0xD7FF), (0xE000, 0xFFFF)),
]


def strings(vocab: tuple[str, ...]) -> list[str]:
    """Words of the vocabulary and runs of odd characters in all mixtures, always the same."""
    rng = random.Random(8)

    def run(length: int) -> str:
        if rng.random() < 0.4:
            return "".join(rng.choices(rng.choice(ALPHABETS), k=length))
        first, last = rng.choice(RANGES)
        return "".join(chr(rng.randint(first, last)) for _ in range(length))

    def part() -> str:
        kind = rng.random()
        if kind < 0.45:
            word = rng.choice(vocab)
            return rng.choice([word, word.removeprefix("##"), word.upper(), word.title()])
        if kind < 0.46:
            return rng.choice(vocab).removeprefix("##") * 100
        if kind < 0.47:
            return rng.choice("aé中\u0301") * rng.choice([99, 100, 101, 199, 200, 201])
        return run(rng.randint(1, 6))

    def text() -> str:
        parts = [part() for _ in range(rng.randint(0, 9))]
        joined = "".join(rng.choice(["", " ", " ", ", ", "\u200b"]) + part for part in parts)
        return "".join(c for c in joined if c not in NEWER)

    return [text() for _ in range(STRINGS)]


@pytest.mark.parametrize("name", VOCABULARIES)
def test_ids_are_those_of_the_originals_algorithm_on_strings_of_all_sorts(
    shared_data: Path, name: str
) -> None:
    cased = VOCABULARIES[name]
    ours = load_tokenizer(shared_data / "vocab" / f"bert_{name}.txt", cased)
    theirs = OriginalTokenizer(ours.vocab, cased, HUGGING_FACE)
    texts = strings(ours.vocab)
    assert len(set(texts)) > 0.85 * STRINGS
    found = ours.encode_batch(texts)
    expected = map(theirs.encode, texts)
    rows = zip(texts, expected, found, strict=True)
    others = [row for row in rows if row[1] != row[2]]
    assert others[:3] == []
    hold("tokenizer_strings", len(others))
    known = sum(i != ours.unk_id for ids in found for i in ids)
    assert known > 0.6 * sum(map(len, found)), "too little of it says anything"


@pytest.mark.parametrize("cased", [True, False])
def test_words_are_those_of_the_original_around_each_character_of_the_first_plane(
    cased: bool,
) -> None:
    """All but the characters in whose category versions of Unicode differ."""
    plane = [chr(i) for i in range(0x10000) if not 0xD800 <= i < 0xE000]
    text = "\n".join(f"q{c}x Q" for c in plane if c not in NEWER)
    rules, theirs = Rules(cased), OriginalTokenizer([], cased, HUGGING_FACE)
    normal = rules.normalizer().normalize_str(text)
    ours = [word for word, _ in rules.pre_tokenizer().pre_tokenize_str(normal)]
    assert ours == list(theirs.words(text))


KNOWN = [*SPECIALS, *"abοδσςx中", "##a", "##δ", "##ο", "##σ", "##ς", "##x", "##b"]
PRIVATE, CHINESE, NEW_MARK = "\ue000", "\U0002b820", "\u08ca"


@pytest.mark.parametrize(
    ("text", "choice", "original", "ours"),
    [
        ("ΟΔΟΣ", Choices(final_sigma=False), "ο ##δ ##ο ##ς", "ο ##δ ##ο ##σ"),
        ("x" * 101, Choices(longest_word=100), "x" + " ##x" * 100, "[UNK]"),
        (f"a{PRIVATE}b", Choices(keeps_private_use=False), "[UNK]", "a ##b"),
        (f"a{CHINESE}b", Choices(separates_2b820=False), "a [UNK] b", "[UNK]"),
    ],
    ids=["final sigma", "longest word", "private use", "U+2B820"],
)
def test_each_difference_from_the_original_is_this_and_no_more(
    text: str, choice: Choices, original: str, ours: str
) -> None:
    tokenizer = Tokenizer(KNOWN, Rules(cased=False))

    def tokens(choices: Choices) -> str:
        ids = OriginalTokenizer(KNOWN, False, choices).encode(text)
        return " ".join(KNOWN[i] for i in ids)

    assert tokens(ORIGINAL) == original
    assert tokens(choice) == ours
    assert " ".join(map(tokenizer.id_to_token, tokenizer.encode(text))) == ours


def test_words_of_more_than_a_hundred_characters_are_unknown_and_not_of_two_hundred() -> None:
    tokenizer = Tokenizer(KNOWN, Rules(cased=False))
    assert len(tokenizer.encode("x" * LONGEST_WORD)) == LONGEST_WORD == HUGGING_FACE.longest_word
    assert tokenizer.encode("x" * (LONGEST_WORD + 1)) == [tokenizer.unk_id]
    assert len(OriginalTokenizer(KNOWN, False).encode("x" * 200)) == 200
    assert OriginalTokenizer(KNOWN, False).encode("x" * 201) == [tokenizer.unk_id]


def test_marks_that_are_newer_than_the_librarys_tables_are_letters_to_it() -> None:
    """U+08CA came into Unicode with version 14."""
    tokenizer = Tokenizer(KNOWN, Rules(cased=False))
    original = OriginalTokenizer(KNOWN, False)
    assert original.encode(f"a{NEW_MARK}b") == tokenizer.encode("ab")
    assert tokenizer.encode(f"a{NEW_MARK}b") == [tokenizer.unk_id]
    assert NEW_MARK in NEWER

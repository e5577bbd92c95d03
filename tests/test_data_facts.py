"""What a run's provenance says of its data, read again."""

import pytest

from bert_jax.recipes.data_facts import data_lines, describe_change, is_data_facts

ONE = {"fingerprint": "ab" * 32, "path": "/stores/en"}
MIXTURE = {
    "fingerprint": "cd" * 32,
    "stores": [
        {"name": "en", "share": 0.7012, "path": "/stores/en", "fingerprint": "ab" * 32},
        {"name": "sw", "share": 0.2988, "path": "/stores/sw", "fingerprint": "ef" * 32},
    ],
}


def test_other_data_are_told_apart_in_a_few_words():
    other = {**ONE, "fingerprint": "ef" * 32}
    assert describe_change(ONE, other) == (
        "the data were those with fingerprint abababababab and are efefefefefef"
    )
    mixture = "a mixture of 70.12 % en (abababababab), 29.88 % sw (efefefefefef)"
    assert describe_change(MIXTURE, ONE) == (
        f"the data were {mixture} and are those with fingerprint abababababab"
    )
    assert describe_change(ONE, MIXTURE) == (
        f"the data were those with fingerprint abababababab and are {mixture}"
    )


def test_each_store_has_a_line_with_its_place():
    assert data_lines(ONE) == ["/stores/en (abababababab)"]
    assert data_lines(MIXTURE) == [
        "70.1 % en: /stores/en (abababababab)",
        "29.9 % sw: /stores/sw (efefefefefef)",
    ]


@pytest.mark.parametrize(
    "facts",
    [None, [], {}, {"fingerprint": 3}, {**ONE, "stores": {}}, {**ONE, "stores": [{"name": "en"}]}],
)
def test_what_are_no_facts_is_seen(facts):
    assert is_data_facts(ONE)
    assert is_data_facts(MIXTURE)
    assert not is_data_facts(facts)

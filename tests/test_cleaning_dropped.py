"""The summary of what was dropped."""

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from data_pipeline.cleaning.dropped import (
    EXAMPLE_CHARACTERS,
    EXAMPLES,
    REASONS,
    Dropped,
    dropped_by_rules,
    dropped_duplicates,
)
from data_pipeline.cleaning.duplicates import find_duplicates
from data_pipeline.cleaning.rules import CleaningRules, Reason
from data_pipeline.cleaning.signatures import signatures

DECIDED = st.lists(
    st.tuples(st.lists(st.text(max_size=100), max_size=3), st.sampled_from([None, *REASONS])),
    max_size=12,
)
BOTH = CleaningRules(exact_duplicates=True, near_duplicates=0.8)


@settings(deadline=None)
@given(DECIDED, st.integers(0, 12), st.integers(0, 12))
def test_the_sum_of_units_is_the_count_of_the_whole(
    documents: list[tuple[list[str], Reason | None]], one: int, two: int
) -> None:
    low, high = sorted((one, two))
    parts = [
        dropped_by_rules(part) for part in (documents[:low], documents[low:high], documents[high:])
    ]
    whole = dropped_by_rules(documents).facts()
    assert sum(parts, Dropped()).facts() == whole
    assert (parts[0] + (parts[1] + parts[2])).facts() == whole


@settings(deadline=None)
@given(DECIDED)
def test_the_facts_are_json_with_short_examples(
    documents: list[tuple[list[str], Reason | None]],
) -> None:
    facts = dropped_by_rules(documents).facts()
    assert json.loads(json.dumps(facts, ensure_ascii=False).encode()) == facts
    assert sum(fact["documents"] for fact in facts.values()) == sum(
        reason is not None for _, reason in documents
    )
    for fact in facts.values():
        assert len(fact["examples"]) == min(EXAMPLES, fact["documents"])
        assert all(len(example) <= EXAMPLE_CHARACTERS for example in fact["examples"])


def test_reasons_come_in_their_order_with_documents_words_and_examples() -> None:
    dropped = dropped_by_rules(
        [
            (["где  это", "там"], "wrong_script"),
            (["kept"], None),
            (["a"], "too_short"),
            (["b c"], "too_short"),
        ]
    )
    assert list(dropped.facts().items()) == [
        ("too_short", {"documents": 2, "words": 3, "examples": ["a", "b c"]}),
        ("wrong_script", {"documents": 1, "words": 3, "examples": ["где это там"]}),
    ]


def test_duplicates_are_counted_from_their_signatures_alone() -> None:
    words = [f"word{number}" for number in range(200)]
    texts = [" ".join(words), "Один ДВА.", "один два", " ".join(words[:-2]), "other"]
    records = signatures([[text] for text in texts], BOTH)
    facts = dropped_duplicates(records, find_duplicates(records, BOTH)).facts()
    assert facts == {
        "exact_duplicate": {"documents": 1, "words": 2, "examples": ["один два"]},
        "near_duplicate": {
            "documents": 1,
            "words": 198,
            "examples": [" ".join(words)[:EXAMPLE_CHARACTERS]],
        },
    }


def test_where_nothing_is_dropped_there_are_no_facts() -> None:
    records = signatures([["one"], ["two"]], BOTH)
    assert dropped_duplicates(records, find_duplicates(records, BOTH)).facts() == {}
    assert dropped_by_rules([(["one"], None)]).facts() == {}

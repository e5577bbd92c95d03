"""A finding as a sentence, and its numbers."""

import pytest

from data_pipeline.doctor.finding import Finding, cut, percent


def test_a_finding_is_one_sentence_of_what_why_and_remedy() -> None:
    assert str(Finding("name", "train", "seen", "why", "remedy")) == "seen: why; remedy"


@pytest.mark.parametrize(
    ("share", "shown"),
    [(0, "0.0 %"), (1e-6, "less than 0.1 %"), (0.4567, "45.7 %"), (0.9996, "99.96 %")],
)
def test_a_share_near_nothing_or_all_is_not_rounded_away(share: float, shown: str) -> None:
    assert percent(share) == shown


def test_a_long_text_is_cut() -> None:
    assert cut("short") == "short"
    assert cut("x" * 100) == "x" * 59 + "…"

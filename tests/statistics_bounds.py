"""Bounds that a right implementation breaks once in a million times, for fixed seeds."""

import numpy as np
from scipy import stats

CHANCE = 1e-6


def assert_share(successes: int, n: int, share: float) -> None:
    """The number of successes is what `n` independent trials of this probability give."""
    p = stats.binomtest(int(successes), int(n), share).pvalue
    assert p > CHANCE, f"{successes} of {n} is {successes / n:.5f}, not {share:.5f} (p {p:.1e})"


def assert_uniform(counts: np.ndarray) -> None:
    """The counts are those of a uniform draw over their places."""
    assert_counts(counts, np.full(len(counts), 1 / len(counts)))


def assert_counts(counts: np.ndarray, shares: np.ndarray) -> None:
    """The counts are those of draws with these probabilities (chi-square)."""
    counts, shares = np.asarray(counts, float), np.asarray(shares, float)
    p = stats.chisquare(counts, shares * counts.sum()).pvalue
    assert p > CHANCE, f"chi-square p {p:.1e}"


def assert_independent(table: np.ndarray) -> None:
    """Rows and columns of a table of counts have nothing to do with each other."""
    p = stats.chi2_contingency(table).pvalue
    assert p > CHANCE, f"chi-square p {p:.1e}"

"""Pages: nothing unescaped, nothing missing, nothing half-written."""

from pathlib import Path

import jinja2
import pytest

from bert_jax.page import render_page, write_page


def test_a_value_that_a_template_needs_may_not_be_missing() -> None:
    with pytest.raises(jinja2.UndefinedError):
        render_page("report_template.html.j2", title="a run")


def test_a_page_replaces_the_one_before_it_or_leaves_it_alone(tmp_path: Path) -> None:
    path = write_page(tmp_path / "page.html", "one")
    assert write_page(path, "two").read_text() == "two"
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError, match="directory"):
        write_page(tmp_path / "folder", "three")
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["folder", "page.html"]

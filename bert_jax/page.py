"""Pages of one self-contained file: their templates' environment, and writing them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bert_jax.report_facts import text
from bert_jax.verdicts import percent


def render_page(template: str, **values: Any) -> str:
    """The HTML of a template of this package; every value is escaped, and none may be missing."""
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("bert_jax", "."),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["text"] = text
    environment.filters["percent"] = percent
    return environment.get_template(template).render(**values)


def write_page(path: Path, page: str) -> Path:
    """Write a page as a whole: who opens it meanwhile sees the old one or the new one."""
    temporary = path.with_name(path.name + ".tmp")
    try:
        temporary.write_text(page, encoding="utf-8")
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    return path

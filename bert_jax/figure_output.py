"""Figures as files and in pages.

The same figure becomes a PNG and, with its colours replaced by CSS variables, an inline SVG that
follows the page from light to dark.
"""

from __future__ import annotations

import io
import re
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from bert_jax.plot_style import CSS_VARIABLES

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_RC_LOCK = threading.Lock()


def to_png(figure: Figure, path: Path) -> None:
    """Save a figure as a PNG on white."""
    figure.savefig(path, format="png", dpi=150, facecolor="white")


def to_svg(figure: Figure, name: str, description: str) -> str:
    """A figure as an `<svg>` element for a page: colours by CSS variable, text as text.

    Args:
        figure: drawn by `draw`.
        name: makes the ids of the element unique in the page.
        description: what a screen reader says.
    """
    import matplotlib

    buffer = io.StringIO()
    # These two can only be set globally; nothing else of ours reads them.
    with _RC_LOCK, matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": name}):
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    svg = buffer.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'(id="|url\(#|href="#)', rf"\g<1>{name}-", svg)
    svg = re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", svg, count=1)
    svg = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", svg, count=1)
    svg = re.sub(r"font: ([^;\"]*?)[\d.]+px [^;\"]*", _system_font, svg)
    for color, variable in CSS_VARIABLES.items():
        svg = svg.replace(color, f"var({variable})")
    label = description.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")
    return svg.replace("<svg", f'<svg role="img" aria-label="{label}"', 1)


def _system_font(found: re.Match[str]) -> str:
    size = re.search(r"[\d.]+px", found[0])
    weight = "600 " if "bold" in found[0] or "700" in found[0] else ""
    return f"font: {weight}{size[0] if size else '9px'} var(--font)"

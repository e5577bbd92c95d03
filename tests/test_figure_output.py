import re
from pathlib import Path
from xml.etree import ElementTree

from bert_jax.figure_output import to_png, to_svg
from bert_jax.plot_style import CSS_VARIABLES
from bert_jax.plots import Baseline, Plot, draw

LINES = [{"step": i, "loss": 2.0 / i, "eval_loss": 2.1 / i} for i in range(1, 30)]
PLOT = Plot("loss", "Loss & more", baselines=(Baseline(1.0, "one"),))


def svg(name="loss", description="loss"):
    return to_svg(draw(PLOT, LINES), name, description)


def test_a_figure_has_the_pages_colours_and_font_and_no_size_of_its_own():
    found = svg()
    assert not [color for color in CSS_VARIABLES if color in found]
    assert {"var(--ink)", "var(--card)", "var(--train)", "var(--eval)"} <= set(
        re.findall(r"var\([\w-]+\)", found)
    )
    assert set(re.findall(r"font: ([^;\"]+)", found)) <= {
        f"{weight}{size}px var(--font)" for weight in ("", "600 ") for size in ("8.5", "9", "11")
    }
    root = ElementTree.fromstring(found)
    assert (root.get("width"), root.get("height")) == (None, None)


def test_two_figures_of_a_page_share_no_id_and_refer_to_their_own():
    def ids(found, pattern):
        return set(re.findall(pattern, found))

    one, other = svg("loss"), svg("other")
    assert ids(one, r'id="([^"]+)"').isdisjoint(ids(other, r'id="([^"]+)"'))
    for found in (one, other):
        named = ids(found, r"url\(#([^)]+)\)") | ids(found, r'href="#([^"]+)"')
        assert named
        assert named <= ids(found, r'id="([^"]+)"')


def test_any_description_is_what_a_reader_of_the_screen_says():
    said = 'a "loss" & <b>more</b>'
    assert ElementTree.fromstring(svg(description=said)).get("aria-label") == said


def test_the_same_figure_is_the_same_text():
    assert svg() == svg()


def test_a_png_is_one(tmp_path: Path):
    to_png(draw(PLOT, LINES), tmp_path / "loss.png")
    assert (tmp_path / "loss.png").read_bytes().startswith(b"\x89PNG")

"""The report: complete for a finished run, honest for a stopped one, safe for any text."""

import json
import operator
import threading
from html.parser import HTMLParser

import pytest

from bert_jax.errors import UserError
from bert_jax.report import plots_of, read_run, render, write_report

MLM = {
    "loss": 4.91,
    "accuracy": 0.251,
    "unigram_entropy": 6.213,
    "commonest_accuracy": 0.052,
    "commonest_token": "the",
    "predictions": 19311,
}
NSP = {
    "loss": 0.531,
    "accuracy": 0.724,
    "majority_share": 0.541,
    "majority_label": 1,
    "examples": 1024,
    "interval": [0.510, 0.571],
}


def metric_lines(steps=60):
    for step in range(1, steps + 1):
        yield {
            "step": step,
            "loss": 9.7 / step,
            "mlm_loss": 9.0 / step,
            "nsp_loss": 0.7 / step,
            "mlm_accuracy": step / 300,
            "nsp_accuracy": 0.5 + step / 300,
            "learning_rate": 1e-3 * step,
            "grad_norm": 1.5,
            "tokens_per_second": 17_000.0,
            "input_wait": 0.001,
        }
        if step % 20 == 0:
            yield {
                "step": step,
                "eval_loss": 5.5,
                "eval_mlm_loss": 5.0,
                "eval_nsp_loss": 0.6,
                "eval_mlm_accuracy": 0.2,
                "eval_nsp_accuracy": 0.6,
            }


def write_json(path, value):
    path.write_text(json.dumps(value))


def write_run(folder):
    """A finished run but for its metrics: drawing the curves is what takes time."""
    folder.mkdir()
    write_json(
        folder / "config.json",
        {"vocab_size": 8192, "num_hidden_layers": 2, "hidden_size": 128},
    )
    write_json(folder / "evaluation.json", {"step": 60, "mlm": MLM, "nsp": NSP})
    candidates = [{"token": "shape", "probability": 0.412}, {"token": "##s", "probability": 0.1}]
    write_json(folder / "predictions.json", [{"text": "The [MASK] of it.", "masks": [candidates]}])
    packages = [
        {"name": f"package{i}", "version": "1.0", "license": "MIT", "words": 1234 + i}
        for i in range(5)
    ]
    write_json(
        folder / "provenance.json",
        {
            "versions": {"jax": "0.10.2"},
            "git_commit": "0123abc",
            "data": {"fingerprint": "feed", "train": {"tokens": 1654321}, "packages": packages},
        },
    )
    (folder / "operative.gin").write_text("TrainConfig.num_steps = 60\n")
    return folder


@pytest.fixture
def run_dir(tmp_path):
    return write_run(tmp_path / "run")


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A finished run with its report; tests only look at it."""
    folder = write_run(tmp_path_factory.mktemp("runs") / "documentation_tiny")
    (folder / "metrics.jsonl").write_text("".join(json.dumps(m) + "\n" for m in metric_lines()))
    write_report(folder)
    return folder


@pytest.fixture(scope="module")
def finished_page(finished):
    return Page((finished / "report.html").read_text(encoding="utf-8"))


class Page(HTMLParser):
    """Collects the text of a page, its elements and whatever it would load."""

    VOID = frozenset({"meta", "link", "img", "br", "hr", "input"})

    def __init__(self, html):
        super().__init__()
        self.text = ""
        self.tags = []
        self.open = []
        self.loads = []
        self.ids = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        if tag not in self.VOID:
            self.open.append(tag)
        for name, value in attributes:
            if name in ("src", "srcset", "data", "href", "xlink:href", "action"):
                self.loads.append(value)
            if name == "id":
                self.ids.append(value)

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        if tag not in self.VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag):
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag, f"</{tag}> closes something else"

    def handle_data(self, data):
        if "style" not in self.open:
            self.text += data


def page_of(folder):
    return Page(write_report(folder).read_text(encoding="utf-8"))


def test_a_finished_run_shows_everything(finished_page):
    for expected in (
        "1.30 nat below the held-out unigram entropy",
        "18.3 points above the majority label, outside its interval",
        "always “the”",
        "always “random”",
        "every token alike: ln 8,192 = 9.01",
        "shape",
        "41.2 %",
        "package3",
        "1,654,321",
        "feed",
        "TrainConfig.num_steps = 60",
        "0123abc",
        "2 layers, 128 wide",
    ):
        assert expected in finished_page.text, expected
    assert finished_page.tags.count("svg") == 8


def test_the_page_is_well_formed_with_unique_ids(finished_page):
    assert finished_page.open == []
    assert len(finished_page.ids) == len(set(finished_page.ids))


def test_the_page_loads_nothing_and_runs_nothing(finished, finished_page):
    assert finished_page.loads
    assert all(link.startswith("#") for link in finished_page.loads)
    assert not {"script", "link", "img", "iframe", "object"} & set(finished_page.tags)
    html = (finished / "report.html").read_text()
    assert "@import" not in html
    assert "url(http" not in html


def test_every_link_inside_the_page_leads_somewhere(finished_page):
    assert {link[1:] for link in finished_page.loads} <= set(finished_page.ids)


def test_the_plots_are_written_as_png_too(finished):
    names = {path.name for path in (finished / "plots").iterdir()}
    assert names == {
        "loss.png",
        "mlm_loss.png",
        "mlm_accuracy.png",
        "nsp_loss.png",
        "nsp_accuracy.png",
        "grad_norm.png",
        "learning_rate.png",
        "tokens_per_second.png",
    }
    for path in (finished / "plots").iterdir():
        assert path.read_bytes().startswith(b"\x89PNG")


def test_a_run_without_pairs_says_nothing_of_them(run_dir):
    write_json(run_dir / "evaluation.json", {"step": 60, "mlm": MLM})
    lines = [
        {name: value for name, value in line.items() if "nsp" not in name} | {"padding": 0.25}
        for line in metric_lines(20)
    ]
    (run_dir / "metrics.jsonl").write_text("".join(json.dumps(m) + "\n" for m in lines))
    page = page_of(run_dir)
    assert "steps of masked language modelling." in page.text
    assert not any(word in page.text for word in ("NSP", "SOP", "nsp", "pairs", "majority"))
    assert not list((run_dir / "plots").glob("[ns][so]p_*"))
    # 17,000 places a second, of which a quarter is padding.
    assert "12.8k" in page.text
    assert "of them without padding" in page.text


def test_a_run_of_sentence_order_is_shown_as_one(run_dir):
    write_json(run_dir / "evaluation.json", {"step": 60, "mlm": MLM, "sop": NSP})
    line = {"step": 60, "sop_loss": 0.6, "sop_accuracy": 0.7}
    (run_dir / "metrics.jsonl").write_text(json.dumps(line) + "\n")
    page = page_of(run_dir)
    assert "masked language modelling and SOP" in page.text
    assert "SOP accuracy above the majority label" in page.text
    assert "always “swapped”" in page.text
    level = NSP | {"accuracy": NSP["majority_share"] - 0.0001}
    write_json(run_dir / "evaluation.json", {"step": 60, "mlm": MLM, "sop": level})
    text = page_of(run_dir).text
    assert "0.0 points" in text
    assert "SOP accuracy level with the majority label" in text
    assert {path.stem for path in (run_dir / "plots").iterdir()} == {"sop_loss", "sop_accuracy"}


@pytest.mark.parametrize(
    ("missing", "sentence"),
    [
        ("evaluation.json", "no final evaluation yet"),
        ("predictions.json", "no predictions yet"),
        ("operative.gin", "no operative.gin"),
        ("provenance.json", "no provenance.json"),
        ("config.json", "Held-out results"),
    ],
)
def test_a_run_without_one_of_its_files_says_so(run_dir, missing, sentence):
    (run_dir / missing).unlink()
    assert sentence in page_of(run_dir).text


def test_a_run_that_is_not_at_its_end_says_so(run_dir):
    (run_dir / "metrics.jsonl").write_text('{"step": 40}\n')
    page = page_of(run_dir)
    assert "40 of 60 steps" in page.text
    assert "The run was not at its end" in page.text
    (run_dir / "metrics.jsonl").write_text('{"step": 60}\n')
    assert "The run was not at its end" not in page_of(run_dir).text


def test_an_empty_folder_gives_a_report_that_says_so(tmp_path):
    page = page_of(tmp_path)
    assert "no metrics yet" in page.text
    assert "no final evaluation yet" in page.text


def test_text_from_outside_is_never_markup(run_dir):
    evil = "<script>alert('&')</script>"
    write_json(
        run_dir / "predictions.json",
        [{"text": f"{evil} [MASK]", "masks": [[{"token": evil, "probability": 0.5}]]}],
    )
    write_json(
        run_dir / "evaluation.json",
        {"step": 60, "mlm": {**MLM, "commonest_token": evil}, "nsp": NSP},
    )
    write_json(run_dir / "provenance.json", {"command": evil, "data": {evil: [{evil: evil}]}})
    (run_dir / "operative.gin").write_text(evil)
    page = page_of(run_dir)
    assert "script" not in page.tags
    assert page.text.count(evil) >= 6


def test_the_same_run_gives_the_same_page(finished):
    before = (finished / "report.html").read_bytes()
    assert write_report(finished).read_bytes() == before


def test_a_report_can_be_written_in_a_thread(finished):
    errors = []

    def work():
        try:
            write_report(finished)
        except Exception as error:
            errors.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert errors == []


def test_the_title_is_the_name_of_the_folder(tmp_path):
    page = render(read_run(write_run(tmp_path / "r_none")), [])
    assert "<h1>r_none</h1>" in page


def test_a_run_that_knows_its_levels_shows_them_the_bands_and_where_its_loss_stands(run_dir):
    provenance = json.loads((run_dir / "provenance.json").read_text())
    provenance["loss_levels"] = {"start": 9.01, "unigram": 6.4, "no_context": 5.83, "pairs": 0.68}
    write_json(run_dir / "provenance.json", provenance)
    lines = [line | {"tokens": 2048 * line["step"]} for line in metric_lines(20)]
    (run_dir / "metrics.jsonl").write_text("".join(json.dumps(m) + "\n" for m in lines))
    run = read_run(run_dir)
    page = render(run, ["<svg></svg>"])
    assert "The MLM loss left the unigram level by step " in page
    assert "Behind the MLM loss, in grey: where it is expected, by what 4 small reference" in page
    mlm_loss, *others = plots_of(run)
    labels = [baseline.label for baseline in mlm_loss.baselines]
    assert labels[1:] == ["unigram entropy of the training text: 6.40", "no context: 5.83"]
    assert mlm_loss.band.steps == list(range(1, 21))
    assert all(map(operator.lt, mlm_loss.band.low, mlm_loss.band.high))
    assert not any(plot.band for plot in others)
    # LAMB's learning rates say nothing of where the curves of others would lie.
    provenance["loss_levels"]["rates_compare"] = False
    write_json(run_dir / "provenance.json", provenance)
    run = read_run(run_dir)
    assert not any(plot.band for plot in plots_of(run))
    assert "Behind the MLM loss" not in render(run, ["<svg></svg>"])


def test_a_run_of_an_older_version_shows_no_bands(finished_page):
    assert "Behind the MLM loss" not in finished_page.text
    assert "held-out unigram entropy: 6.21" in finished_page.text


def test_a_damaged_file_is_an_error_that_names_it(run_dir):
    (run_dir / "evaluation.json").write_text("{")
    with pytest.raises(UserError, match=r"evaluation\.json is not valid JSON"):
        write_report(run_dir)


def test_a_folder_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(UserError, match="no run folder"):
        write_report(tmp_path / "nowhere")

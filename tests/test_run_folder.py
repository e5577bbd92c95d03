"""Which runs may go on in a folder, and what is warned of when they do."""

import json
import os
from pathlib import Path

import pytest
from runs import EXPERIMENT

from bert_jax.errors import UserError
from bert_jax.recipes import run_folder
from bert_jax.recipes.bindings import KINDS, settable_fields
from bert_jax.recipes.experiment import load_experiment
from bert_jax.recipes.run_folder import (
    MAY_CHANGE,
    check_same_run,
    has_checkpoint,
    provenance,
    read_json,
    record_provenance,
    write_atomically,
    write_json,
)

FINGERPRINT = "feed" * 16
DATA = {"fingerprint": FINGERPRINT}

# Another right value for every setting there is.
OTHER = {
    "TrainConfig.num_steps": 9,
    "TrainConfig.batch_size": 16,
    "TrainConfig.learning_rate": 0.5,
    "TrainConfig.warmup_steps": 3,
    "TrainConfig.seed": 7,
    "TrainConfig.micro_batches": 2,
    "TrainConfig.log_every": 3,
    "TrainConfig.eval_every": 3,
    "TrainConfig.eval_examples": 3,
    "TrainConfig.checkpoint_every": 3,
    "TrainConfig.checkpoint_minutes": 3.0,
    "TrainConfig.keep_checkpoints": 9,
    "TrainConfig.keep_every": 3,
    "TrainConfig.checkpoint_step_zero": True,
    "OptimizerConfig.preset": "paper",
    "OptimizerConfig.b1": 0.5,
    "OptimizerConfig.b2": 0.5,
    "OptimizerConfig.eps": 0.5,
    "OptimizerConfig.weight_decay": 0.5,
    "OptimizerConfig.max_grad_norm": 0.5,
    "BertConfig.hidden_size": 32,
    "BertConfig.num_hidden_layers": 3,
    "BertConfig.num_attention_heads": 4,
    "BertConfig.intermediate_size": 48,
    "BertConfig.hidden_act": "gelu_new",
    "BertConfig.hidden_dropout_prob": 0.2,
    "BertConfig.attention_probs_dropout_prob": 0.2,
    "BertConfig.max_position_embeddings": 128,
    "BertConfig.type_vocab_size": 3,
    "BertConfig.initializer_range": 0.5,
    "BertConfig.layer_norm_eps": 0.5,
    "PretrainingObjective.max_length": 48,
    "PretrainingObjective.max_predictions": 5,
    "PretrainingObjective.masked_lm_prob": 0.5,
    "PretrainingObjective.short_seq_prob": 0.5,
    "PretrainingObjective.pairs": "none",
    "PretrainingObjective.masking": "span",
    "PretrainingObjective.mask_share": 0.5,
    "PretrainingObjective.random_share": 0.05,
    "PretrainingObjective.span_end_prob": 0.5,
    "PretrainingObjective.longest_span": 5,
    "PretrainingObjective.static_epochs": 10,
    "PretrainingObjective.max_sequences": 3,
    "LengthSchedule.from_step": (3,),
    "LengthSchedule.max_length": (64,),
    "LengthSchedule.max_predictions": (8,),
    "LengthSchedule.batch_size": (4,),
    "DataConfig.store": "elsewhere",
    "DataConfig.stores": ("here", "there"),
    "DataConfig.weights": (1.0, 2.0),
    "DataConfig.smoothing": 0.5,
    "DataConfig.corpus": "documentation",
    "DataConfig.corpus_vocab_size": 4096,
    "ComputeConfig.dtype": "bfloat16",
    "ComputeConfig.matmul_precision": "highest",
    "ComputeConfig.scan_layers": False,
    "ComputeConfig.remat": "full",
    "ComputeConfig.vocab_chunk": 0,
    "MeshConfig.data": 4,
    "MeshConfig.fsdp": 2,
    "MeshConfig.tensor": 2,
}
# What a setting needs to be set at all.
SCHEDULE = [
    *("LengthSchedule.from_step=(2,)", "LengthSchedule.max_length=(48,)"),
    *("LengthSchedule.max_predictions=(6,)", "LengthSchedule.batch_size=(8,)"),
]
NEEDED = (
    {
        f"PretrainingObjective.{name}": ["PretrainingObjective.masking='span'"]
        for name in ("span_end_prob", "longest_span")
    }
    | {
        f"DataConfig.{name}": ["DataConfig.stores=('here', 'there')"]
        for name in ("weights", "smoothing")
    }
    | {name: SCHEDULE for name in OTHER if name.startswith("LengthSchedule.")}
)
SETTINGS = [
    f"{class_name}.{field.name}"
    for class_name in KINDS["pretrain"].values()
    for field in settable_fields(class_name)
]


@pytest.fixture(scope="module")
def experiment_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("experiment") / "small.gin"
    path.write_text(EXPERIMENT)
    return path


@pytest.fixture
def run_dir(tmp_path, experiment_file):
    """A run's folder as far as the check reads it."""
    experiment = load_experiment(str(experiment_file), data_required=False)
    write_atomically(tmp_path / "operative.gin", experiment.operative)
    write_json(tmp_path / "provenance.json", {"data": DATA})
    return tmp_path


def finish_step(run_dir, step):
    """A checkpoint as far as its name and its mark are looked at."""
    (run_dir / "checkpoints" / str(step)).mkdir(parents=True)
    (run_dir / "checkpoints" / str(step) / "_CHECKPOINT_METADATA").touch()


def changed(experiment_file, *bindings):
    return load_experiment(str(experiment_file), bindings, data_required=False)


def test_what_may_change_are_settings_that_there_are():
    assert set(SETTINGS) >= MAY_CHANGE
    assert OTHER.keys() == set(SETTINGS)


@pytest.mark.parametrize("name", SETTINGS)
def test_a_setting_may_change_if_it_is_on_the_list_and_is_refused_if_not(
    run_dir, experiment_file, name
):
    needed = NEEDED.get(name, [])
    before = changed(experiment_file, *needed)
    write_atomically(run_dir / "operative.gin", before.operative)
    finish_step(run_dir, 4)
    experiment = changed(experiment_file, *needed, f"{name}={OTHER[name]!r}")
    if name in MAY_CHANGE:
        check_same_run(run_dir, experiment, DATA)
        return
    class_name, field = name.split(".")
    old = getattr(before.configs()[class_name], field)
    new = getattr(experiment.configs()[class_name], field)
    assert old != new
    with pytest.raises(UserError) as raised:
        check_same_run(run_dir, experiment, DATA)
    assert f"holds another run: {name} was {old!r} and is {new!r}. Give" in str(raised.value)


def test_what_may_change_is_what_the_docs_give_a_reason_for():
    text = (Path(__file__).parents[1] / "docs" / "resuming.md").read_text(encoding="utf-8")
    assert {name for name in SETTINGS if f"`{name}`" in text} >= MAY_CHANGE
    for name in set(SETTINGS) - MAY_CHANGE:
        assert f"`{name}`" not in text, f"{name} may not change"


LATER = "LengthSchedule.from_step=(3,)"


@pytest.mark.parametrize(
    ("done", "bindings", "refused"),
    [
        (2, [*SCHEDULE, LATER], False),  # two updates of the first length, and none of the second
        (2, [], False),
        (3, [*SCHEDULE, LATER], True),
        (3, [], True),
        (3, [*SCHEDULE, "LengthSchedule.batch_size=(16,)"], True),
        (3, SCHEDULE, False),
    ],
)
def test_of_a_schedule_of_lengths_what_lies_ahead_may_change(
    run_dir, experiment_file, done, bindings, refused
):
    before = changed(experiment_file, *SCHEDULE)
    write_atomically(run_dir / "operative.gin", before.operative)
    finish_step(run_dir, done)
    after = changed(experiment_file, *bindings)
    if not refused:
        check_same_run(run_dir, after, DATA)
        return
    with pytest.raises(UserError, match=r"holds another run: LengthSchedule\.\w+ was \(\d+,\) "):
        check_same_run(run_dir, after, DATA)


def test_a_run_from_before_there_was_a_schedule_of_lengths_goes_on(run_dir, experiment_file):
    path = run_dir / "operative.gin"
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(line for line in lines if not line.startswith("LengthSchedule.")))
    finish_step(run_dir, 4)
    check_same_run(run_dir, changed(experiment_file), DATA)
    with pytest.raises(UserError, match=r"LengthSchedule\.from_step was \(\) and is \(2,\)"):
        check_same_run(run_dir, changed(experiment_file, *SCHEDULE), DATA)


def test_every_disagreement_is_shown_at_once(run_dir, experiment_file):
    experiment = changed(
        experiment_file,
        "TrainConfig.seed=5",
        "BertConfig.hidden_size=32",
        "TrainConfig.log_every=9",
    )
    with pytest.raises(UserError) as raised:
        check_same_run(run_dir, experiment, {"fingerprint": "beef" * 16})
    message = str(raised.value)
    for difference in (
        "TrainConfig.seed was 0 and is 5",
        "BertConfig.hidden_size was 16 and is 32",
        "the data were those with fingerprint feedfeedfeed and are beefbeefbeef",
    ):
        assert difference in message
    assert "log_every" not in message
    assert "\n" not in message


def test_other_shares_or_stores_of_a_mixture_are_shown_by_name(run_dir, experiment_file):
    def mixture(*stores):
        parts = [{"name": n, "share": s, "fingerprint": f * 64} for n, s, f in stores]
        return {"fingerprint": str(stores), "stores": parts}

    before = mixture(("en", 0.75, "a"), ("sw", 0.25, "b"))
    write_json(run_dir / "provenance.json", {"data": before})
    check_same_run(run_dir, changed(experiment_file), before)
    with pytest.raises(UserError) as raised:
        check_same_run(
            run_dir, changed(experiment_file), mixture(("en", 0.5, "a"), ("lg", 0.5, "c"))
        )
    assert (
        "the data were a mixture of 75 % en (aaaaaaaaaaaa), 25 % sw (bbbbbbbbbbbb) and are "
        "a mixture of 50 % en (aaaaaaaaaaaa), 50 % lg (cccccccccccc)"
    ) in str(raised.value)


def test_a_folder_without_a_run_takes_any(tmp_path, experiment_file):
    check_same_run(tmp_path, changed(experiment_file), DATA)
    check_same_run(tmp_path / "new", changed(experiment_file), DATA)


def test_a_damaged_file_of_a_run_is_named(run_dir, experiment_file):
    (run_dir / "provenance.json").write_text("{")
    with pytest.raises(UserError, match=r"provenance\.json, a file of the run, cannot be read"):
        check_same_run(run_dir, changed(experiment_file), DATA)


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        "[]",
        '{"data": {"fingerprint": "a", "stores": [{}]}}',
        '{"data": {}}',
        '{"data": []}',
        "null",
    ],
)
def test_a_provenance_that_is_not_one_is_named(run_dir, experiment_file, text):
    (run_dir / "provenance.json").write_text(text)
    with pytest.raises(UserError, match=r"provenance\.json is damaged"):
        check_same_run(run_dir, changed(experiment_file), DATA)


@pytest.mark.parametrize("kept", [0, -1])
def test_an_operative_config_that_does_not_hold_every_value_is_damaged(
    run_dir, experiment_file, kept
):
    path = run_dir / "operative.gin"
    blocks = path.read_text().split("\n\n")
    path.write_text("\n\n".join(blocks[:kept]))
    with pytest.raises(UserError, match=r"operative\.gin is damaged"):
        check_same_run(run_dir, changed(experiment_file), DATA)


def test_a_run_is_not_made_shorter_than_it_is(run_dir, experiment_file):
    finish_step(run_dir, 20)
    check_same_run(run_dir, changed(experiment_file, "TrainConfig.num_steps=20"), DATA)
    with pytest.raises(UserError, match=r"num_steps is 5 and .* checkpoint of step 20"):
        check_same_run(run_dir, changed(experiment_file, "TrainConfig.num_steps=5"), DATA)


def test_a_run_is_a_folder(tmp_path):
    (tmp_path / "wiki.txt").touch()
    run_folder.check_folder(tmp_path / "new" / "run")
    for path in (tmp_path / "wiki.txt", tmp_path / "wiki.txt" / "run"):
        with pytest.raises(UserError, match=r"wiki\.txt is a file, and a run is a folder"):
            run_folder.check_folder(path)


def test_a_folder_that_holds_something_else_is_no_run(tmp_path):
    for name in ("d.txt", "a.txt", "checkpoints", "b.txt", "c.txt"):
        (tmp_path / name).touch()
    with pytest.raises(UserError) as caught:
        run_folder.check_folder(tmp_path)
    assert str(caught.value) == (
        f"--run_dir {tmp_path} is no run: it holds a.txt, b.txt, c.txt and 2 more, and no "
        "operative.gin; give the name of a new folder, or the folder of a run"
    )


def test_what_a_start_leaves_that_was_killed_early_is_no_obstacle(tmp_path):
    run_folder.check_folder(tmp_path)
    for name in (".lock", ".provenance.json.77", "plans", "provenance.json", "config.json"):
        (tmp_path / name).touch()
    run_folder.check_folder(tmp_path)
    for name in ("operative.gin", "checkpoints", "metrics.jsonl"):
        (tmp_path / name).touch()
    run_folder.check_folder(tmp_path)


# --- provenance ----------------------------------------------------------------------------------


def facts(**changes):
    machine = {
        "platform": "cpu",
        "devices": "cpu: 8 x cpu",
        "cpu_count": 2,
        "processes": 1,
        "xla_flags": "",
    }
    mesh = changes.pop("mesh", {"data": 8, "fsdp": 1, "tensor": 1})
    return provenance(machine | changes, mesh, {"fingerprint": FINGERPRINT})


def test_provenance_holds_all_that_made_a_run():
    found = facts()
    assert {
        *("versions", "python", "platform", "git_commit", "devices", "mesh", "xla_flags"),
        *("cpu_count", "data", "started", "command"),
    } <= found.keys()
    assert found["versions"].keys() >= {"bert-jax", "jax", "jaxlib", "flax", "optax", "numpy"}
    assert found["data"]["fingerprint"] == FINGERPRINT
    json.dumps(found)


def test_the_first_start_is_recorded_without_a_warning(tmp_path):
    now = facts()
    assert record_provenance(tmp_path, now) == []
    assert read_json(tmp_path / "provenance.json") == now


def test_a_resumption_on_the_same_machine_is_recorded_without_a_warning(tmp_path):
    first = facts()
    record_provenance(tmp_path, first)
    assert record_provenance(tmp_path, facts()) == []
    found = read_json(tmp_path / "provenance.json")
    assert {name: found[name] for name in first} == first
    assert len(found["resumed"]) == 1


@pytest.mark.parametrize(
    ("changes", "warning"),
    [
        ({"cpu_count": 4}, "cpu_count was 2 and is 4"),
        ({"xla_flags": "--xla_x"}, "xla_flags was '' and is '--xla_x'"),
        ({"platform": "gpu"}, "platform was 'cpu' and is 'gpu'"),
        ({"devices": "cpu: 4 x cpu"}, "devices was 'cpu: 8 x cpu' and is 'cpu: 4 x cpu'"),
        ({"processes": 2}, "processes was 1 and is 2"),
        ({"mesh": {"data": 4, "fsdp": 1, "tensor": 1}}, "mesh axis data was 8 and is 4"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_can_change_the_last_bits_is_warned_of_in_a_sentence(tmp_path, changes, warning):
    record_provenance(tmp_path, facts())
    assert record_provenance(tmp_path, facts(**changes)) == [warning]
    # From the last start, not from the first.
    assert record_provenance(tmp_path, facts(**changes)) == []


def test_a_new_version_of_a_package_is_warned_of_by_name(tmp_path, monkeypatch):
    record_provenance(tmp_path, facts())
    version = run_folder._version
    monkeypatch.setattr(
        run_folder, "_version", lambda name: "99.0" if name == "optax" else version(name)
    )
    assert record_provenance(tmp_path, facts()) == [f"optax was {version('optax')} and is 99.0"]


def test_the_commit_is_that_of_the_checkout():
    commit = run_folder.git_commit()
    assert commit is None or len(commit.removesuffix("-dirty")) == 40


# --- files ---------------------------------------------------------------------------------------


def test_a_file_is_written_whole_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "new" / "file.json"
    write_json(path, {"größe": 1})
    assert path.read_text(encoding="utf-8") == '{\n  "größe": 1\n}\n'

    def fail(self, text, encoding):
        with open(self, "w", encoding=encoding) as file:
            file.write(text[: len(text) // 2])
        raise OSError("no space left")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_text", fail)
        with pytest.raises(OSError, match="no space"):
            write_json(path, {"größe": 2})
    assert read_json(path) == {"größe": 1}
    assert os.listdir(path.parent) == ["file.json"]


def test_a_checkpoint_is_told_by_its_name_and_by_the_mark_of_a_finished_one(tmp_path):
    assert not has_checkpoint(tmp_path)
    (tmp_path / "checkpoints" / "4.orbax-checkpoint-tmp-1").mkdir(parents=True)
    assert not has_checkpoint(tmp_path)
    (tmp_path / "checkpoints" / "2").mkdir()
    assert not has_checkpoint(tmp_path)
    (tmp_path / "checkpoints" / "2" / "_CHECKPOINT_METADATA").touch()
    assert has_checkpoint(tmp_path)

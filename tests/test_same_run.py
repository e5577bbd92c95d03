"""Which runs may go on in a folder."""

from pathlib import Path

import pytest
from small_runs import EXPERIMENT

from bert_jax.errors import UserError
from bert_jax.recipes.bindings import KINDS, settable_fields
from bert_jax.recipes.experiment import load_experiment
from bert_jax.recipes.run_folder import write_atomically, write_json
from bert_jax.recipes.same_run import MAY_CHANGE, check_same_run

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
    "BertConfig.position_offset": 2,
    "BertConfig.type_vocab_size": 3,
    "BertConfig.pooler_act": "relu",
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
    "LengthSchedule.after_step": (3,),
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
    *("LengthSchedule.after_step=(2,)", "LengthSchedule.max_length=(48,)"),
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


LATER = "LengthSchedule.after_step=(3,)"


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
    with pytest.raises(UserError, match=r"LengthSchedule\.after_step was \(\) and is \(2,\)"):
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

"""What made a run, and what is warned of when something else goes on with it."""

import json

import pytest

from bert_jax.recipes import provenance
from bert_jax.recipes.provenance import provenance_of, record_provenance
from bert_jax.recipes.run_folder import read_json

FINGERPRINT = "feed" * 16


def facts(**changes):
    machine = {
        "platform": "cpu",
        "devices": "cpu: 8 x cpu",
        "cpu_count": 2,
        "processes": 1,
        "xla_flags": "",
    }
    mesh = changes.pop("mesh", {"data": 8, "fsdp": 1, "tensor": 1})
    return provenance_of(machine | changes, mesh, {"fingerprint": FINGERPRINT})


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
    version = provenance._version
    monkeypatch.setattr(
        provenance, "_version", lambda name: "99.0" if name == "optax" else version(name)
    )
    assert record_provenance(tmp_path, facts()) == [f"optax was {version('optax')} and is 99.0"]


def test_the_commit_is_that_of_the_checkout():
    commit = provenance.git_commit()
    assert commit is None or len(commit.removesuffix("-dirty")) == 40

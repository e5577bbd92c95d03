import shutil

import jax
import numpy as np
import pytest
from models import small_program

from bert_jax.checkpoint import Checkpoints, finished_steps, open_read_only
from bert_jax.errors import UserError


@pytest.fixture(scope="module")
def state():
    return small_program().create_state()


def assert_equal(first, second):
    jax.tree.map(
        lambda a, b: np.testing.assert_array_equal(np.asarray(a), np.asarray(b)), first, second
    )


def test_the_newest_are_kept_and_every_nth_for_good(tmp_path, state):
    with Checkpoints(tmp_path / "c", keep=2, keep_every=4) as checkpoints:
        for step in range(1, 8):
            checkpoints.save(step, state)
        checkpoints.wait()
        assert checkpoints.steps == [4, 6, 7]
        assert checkpoints.latest == 7


@pytest.mark.parametrize("mesh", [(1, 1, 1), (8, 1, 1), (2, 2, 2)], ids=str)
def test_a_state_opens_on_another_mesh_equal_to_the_bit(tmp_path, state, mesh):
    target = small_program(mesh).abstract_state
    with Checkpoints(tmp_path / "c") as checkpoints:
        checkpoints.save(3, state)
        checkpoints.wait()
        found = checkpoints.restore(target)
    assert_equal(found, state)
    assert jax.tree.map(lambda x: x.sharding, found) == jax.tree.map(lambda x: x.sharding, target)


def test_a_checkpoint_of_a_divided_state_opens_on_one_device(tmp_path, state):
    divided = small_program((2, 2, 2)).create_state()
    with Checkpoints(tmp_path / "c") as checkpoints:
        checkpoints.save(0, divided)
        checkpoints.wait()
        found = checkpoints.restore(small_program().abstract_state)
    assert_equal(found, divided)


def test_weights_are_read_without_the_optimisers_state(tmp_path, state):
    with Checkpoints(tmp_path / "c") as checkpoints:
        checkpoints.save(5, state)
    with open_read_only(tmp_path / "c") as checkpoints:
        target = small_program().abstract_state.params
        assert_equal(checkpoints.restore_params(target), state.params)


def test_a_state_may_change_as_soon_as_save_returns(tmp_path):
    program = small_program()
    state = program.create_state()
    before = jax.device_get(state)
    with Checkpoints(tmp_path / "c") as checkpoints:
        checkpoints.save(0, state)
        for leaf in jax.tree.leaves(state):
            leaf.delete()
        checkpoints.wait()
        assert_equal(checkpoints.restore(program.abstract_state), before)


def test_what_a_killed_process_left_half_written_is_cleaned_up(tmp_path, state):
    with Checkpoints(tmp_path / "c") as checkpoints:
        checkpoints.save(1, state)
    half = tmp_path / "c" / "2.orbax-checkpoint-tmp-7"
    half.mkdir()
    with Checkpoints(tmp_path / "c") as checkpoints:
        assert checkpoints.steps == [1]
        # Orbax cleans up in the background, and every save waits for it.
        checkpoints.save(2, state)
        assert not half.exists()


def test_a_save_that_fails_in_the_background_is_raised_later(tmp_path, state, monkeypatch):
    with Checkpoints(tmp_path / "c") as checkpoints:
        checkpoints.save(1, state)
        checkpoints.wait()

        class Failing:
            def result(self):
                raise OSError("no space left")

        monkeypatch.setattr(checkpoints._checkpointer, "save_async", lambda *a, **k: Failing())
        checkpoints.save(2, state)
        with pytest.raises(OSError, match="no space"):
            checkpoints.wait()
        # Raised once, not for ever.
        checkpoints.wait()


def test_a_missing_checkpoint_is_an_error_that_says_which_there_are(tmp_path, state):
    with Checkpoints(tmp_path / "c") as checkpoints:
        with pytest.raises(UserError, match="it has none"):
            checkpoints.restore(state)
        checkpoints.save(4, state)
        checkpoints.wait()
        with pytest.raises(UserError, match=r"step 3 .* those of steps 4"):
            checkpoints.restore(state, 3)


def test_reading_never_makes_a_folder(tmp_path):
    with (
        pytest.raises(UserError, match="does not exist"),
        open_read_only(tmp_path / "nowhere"),
    ):
        pass
    assert not (tmp_path / "nowhere").exists()


@pytest.fixture(scope="module")
def two(tmp_path_factory, state):
    """Whole checkpoints of steps 3 and 5."""
    folder = tmp_path_factory.mktemp("two") / "c"
    with Checkpoints(folder) as checkpoints:
        checkpoints.save(3, state)
        checkpoints.save(5, state)
    return folder


DAMAGED = ["manifest.ocdbt", "d/*", "ocdbt.process_0/d/*", "_METADATA", "_sharding"]


@pytest.mark.parametrize("file", DAMAGED)
def test_a_damaged_checkpoint_is_named_with_the_others_and_the_remedy(tmp_path, two, file):
    folder = shutil.copytree(two, tmp_path / "c")
    (path,) = folder.glob(f"5/state/{file}")
    path.write_bytes(path.read_bytes()[:20])
    program = small_program()
    said = rf"{folder}/5: the checkpoint is damaged.*remove that folder to use step 3 instead"
    with open_read_only(folder) as checkpoints:
        if "_sharding" not in file:  # which a state that is told where to lie does without
            with pytest.raises(UserError, match=said):
                checkpoints.restore(program.abstract_state)
        with pytest.raises(UserError, match=said):
            checkpoints.restore_params(program.abstract_state.params)
        checkpoints.restore_params(program.abstract_state.params, 3)
    shutil.rmtree(folder / "3")
    with (
        open_read_only(folder) as checkpoints,
        pytest.raises(UserError, match="there is no other: the run must be made again"),
    ):
        checkpoints.restore_params(program.abstract_state.params)


def test_a_folder_that_is_no_finished_checkpoint_does_not_count(tmp_path, two, state):
    folder = shutil.copytree(two, tmp_path / "c")
    (folder / "7").mkdir()
    assert finished_steps(folder) == [3, 5]
    with Checkpoints(folder) as checkpoints:
        assert checkpoints.steps == [3, 5]
        assert checkpoints.latest == 5
        checkpoints.restore(small_program().abstract_state)
        checkpoints.save(6, state)
        checkpoints.save(7, state)
        checkpoints.wait()
        assert checkpoints.steps[-2:] == finished_steps(folder)[-2:] == [6, 7]

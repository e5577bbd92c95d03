"""Checkpoints: Orbax behind one thin module.

A checkpoint holds a whole `TrainState` under `DIRECTORY/STEP/`. It is always restored into an
abstract target with shardings, so that it opens on any mesh and any number of devices.
"""

import contextlib
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import jax
from orbax.checkpoint import v1 as ocp

from bert_jax.checkpoint_files import check_files
from bert_jax.errors import UserError

# Orbax writes it into every checkpoint before the folder gets its name. A folder without it was
# made by somebody else.
_MARKER = "_CHECKPOINT_METADATA"

# Stands in a target for what is not to be read, and in the result again.
SKIP = ocp.PLACEHOLDER


def finished_steps(directory: Path) -> list[int]:
    """Steps of the finished checkpoints in a folder, in order, without opening any."""
    folders = [path for path in directory.glob("*") if path.name.isdecimal()]
    return sorted(int(path.name) for path in folders if (path / _MARKER).is_file())


def _set_aside_unfinished(directory: Path) -> None:
    """Make room where a step's folder holds no finished checkpoint: Orbax would not save there."""
    for path in directory.glob("*"):
        if path.name.isdecimal() and not (path / _MARKER).is_file():
            with contextlib.suppress(OSError):
                if any(path.iterdir()):
                    path.rename(path.with_name(f"{path.name}.unfinished"))
                else:
                    path.rmdir()


class Checkpoints:
    """The checkpoints of one run.

    Saving goes on in the background. An error there surfaces at the next `save`, at `wait` or at
    `close`; none is lost.

    Args:
      directory: made if it is missing.
      keep: how many of the newest are kept.
      keep_every: those whose step is a multiple of this are kept for good; 0 for none.
      read_only: neither make the folder nor clean up in it.
    """

    def __init__(
        self, directory: Path, *, keep: int = 3, keep_every: int = 0, read_only: bool = False
    ) -> None:
        if read_only and not directory.is_dir():
            raise UserError(f"{directory} is not a folder of checkpoints: it does not exist")
        if not read_only and jax.process_index() == 0:
            _set_aside_unfinished(directory)
        policies = ocp.training.preservation_policies
        preserve: list[Any] = [policies.LatestN(keep)]
        if keep_every:
            preserve.append(policies.EveryNSteps(keep_every))
        self._read_only = read_only
        self._pending: Any = None
        self._checkpointer = ocp.training.Checkpointer(
            directory.absolute(),
            preservation_policy=policies.PreserveAll()
            if read_only
            else policies.AnyPreservationPolicy(preserve),
            # What a killed process left half-written goes in the background, before the next save.
            cleanup_tmp_directories=not read_only,
        )

    @property
    def steps(self) -> list[int]:
        """Steps of all finished checkpoints, in order."""
        return [
            checkpoint.step
            for checkpoint in self._checkpointer.checkpoints
            if (Path(checkpoint.path) / _MARKER).is_file()
        ]

    @property
    def latest(self) -> int | None:
        """Step of the newest checkpoint, or None."""
        return max(self.steps, default=None)

    def save(self, step: int, state: Any) -> None:
        """Start to save a state; the arrays may be donated as soon as this returns."""
        self.wait()
        self._pending = self._checkpointer.save_async(step, state._asdict(), force=True)

    def wait(self) -> None:
        """Wait until what was begun is on disk, and raise what went wrong with it."""
        pending, self._pending = self._pending, None
        if pending is not None:
            pending.result()

    def restore(self, target: Any, step: int | None = None) -> Any:
        """Read a whole state.

        Args:
          target: a `TrainState` of `jax.ShapeDtypeStruct` with shardings.
          step: which one; the newest where not given.

        Raises:
          UserError: there is no such checkpoint, or it is damaged.
        """
        step = self._existing(step)
        with self._damage_named(step):
            return type(target)(**self._checkpointer.load(step, target._asdict()))

    def restore_params(self, target: Any, step: int | None = None) -> Any:
        """Read the weights alone.

        Args:
          target: a pytree of `jax.ShapeDtypeStruct` with shardings, and of `SKIP`.
          step: which one; the newest where not given.

        Raises:
          UserError: as `restore`; also where the target has other weights than the checkpoint.
        """
        step = self._existing(step)
        skipped = jax.tree.map(lambda _: SKIP, self.metadata(step))
        with self._damage_named(step):
            return self._checkpointer.load(step, {**skipped, "params": target})["params"]

    def metadata(self, step: int | None = None) -> dict[str, Any]:
        """Shapes and types of everything in a checkpoint, as nested dicts."""
        step = self._existing(step)
        with self._damage_named(step):
            tree = self._checkpointer.metadata(step).metadata
            if not isinstance(tree, dict):
                raise ValueError("what it holds cannot be read")
            return tree

    def close(self) -> None:
        """Wait for the last save, then let go of Orbax's threads."""
        try:
            self.wait()
        finally:
            self._checkpointer.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextlib.contextmanager
    def _damage_named(self, step: int) -> Iterator[None]:
        """Turn what Orbax raises for a damaged file, of many types, into one error."""
        try:
            with _quiet("absl"):
                check_files(self._folder(step) / "state")
                yield
        except (UserError, MemoryError, jax.errors.JaxRuntimeError):
            raise
        except Exception as error:
            others = [other for other in self.steps if other != step]
            remedy = (
                f"remove that folder to use step {max(others)} instead"
                if others
                else "there is no other: the run must be made again, in another folder"
            )
            said = (str(error).splitlines() or [""])[0][:200]
            raise UserError(
                f"{self._folder(step)}: the checkpoint is damaged, or of "
                f"another model ({type(error).__name__}: {said}); {remedy}"
            ) from error

    def _folder(self, step: int) -> Path:
        return Path(self._checkpointer.directory) / str(step)

    def _existing(self, step: int | None) -> int:
        steps = self.steps
        if not steps or (step is not None and step not in steps):
            names = ", ".join(map(str, steps))
            there = f"it has those of steps {names}" if steps else "it has none"
            wanted = "a checkpoint" if step is None else f"the checkpoint of step {step}"
            raise UserError(f"{wanted} was asked of {self._checkpointer.directory}; {there}")
        return steps[-1] if step is None else step


@contextlib.contextmanager
def _quiet(name: str) -> Iterator[None]:
    """Keep a logger's warnings to itself: the error says what there is to say."""
    logger = logging.getLogger(name)
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(level)


@contextlib.contextmanager
def open_read_only(directory: Path) -> Iterator[Checkpoints]:
    """The checkpoints of a finished or running run, to read."""
    with Checkpoints(directory, read_only=True) as checkpoints:
        yield checkpoints

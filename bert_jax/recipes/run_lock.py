"""One process trains a run."""

from contextlib import AbstractContextManager
from pathlib import Path

from bert_jax.errors import UserError
from data_pipeline.file_lock import folder_lock


def run_lock(run_dir: Path) -> AbstractContextManager[None]:
    """Hold a run's folder for this process alone (`folder_lock`). Whoever only reads takes none.

    Raises:
      UserError: another process holds it; the message has its number and host.
      OSError: the folder cannot be made or written.
    """
    return folder_lock(
        run_dir,
        lambda holder: UserError(
            f"{run_dir} is being trained by {holder}; wait until it has ended, stop it, or give "
            "another --run_dir"
        ),
    )

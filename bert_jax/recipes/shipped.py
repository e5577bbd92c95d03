"""The experiments that come with bert-jax. Loads nothing, so that `--help` can name them."""

from pathlib import Path


def configs_folder() -> Path:
    """The shipped `experiments/configs`: it lies beside the package, in a checkout and a wheel."""
    return Path(__file__).parents[2] / "experiments" / "configs"


def experiment_names(kind: str = "pretrain") -> list[str]:
    """Names of the shipped experiments of that kind."""
    return sorted(path.stem for path in (configs_folder() / kind).glob("*.gin"))

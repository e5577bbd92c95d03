"""Write the goldens: what the models of transformers compute from small random weights.

In the environment of the peers, from the root of the repository:

    PYTHONPATH=.:tests:tests/peers .venv-peers/bin/python tests/goldens/make_goldens.py

A file for each family holds one encoder and, for each head, its weights, inputs, outputs, loss and
the norm of every gradient, all in float32 by PyTorch on a CPU.
"""

from pathlib import Path

import numpy as np
import torch
from head_cases import CASES, comparable, make_case, random_inputs, random_labels, random_params
from hugging_face import VERSIONS, load, make_peer, run_peer

from bert_jax.convert.layout import places, to_theirs

SIZES = {
    "vocab_size": 50,
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 24,
    "max_position_embeddings": 10,
}
LENGTH = 8


def main() -> None:
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(mode=True)
    families: dict[str, dict[str, np.ndarray]] = {}
    for seed, (family, name) in enumerate(CASES):
        file = families.setdefault(family, {"versions": np.array(VERSIONS)})
        add_case(file, family, name, np.random.default_rng(seed))
    for family, file in families.items():
        path = Path(__file__).parent / f"{family}.npz"
        np.savez_compressed(path, **file)
        print(f"{path.name}: {path.stat().st_size:,} bytes, {VERSIONS}")


def add_case(file: dict[str, np.ndarray], family: str, name: str, rng: np.random.Generator) -> None:
    """One head; its encoder's weights are those that the file has already."""
    case = make_case(family, name, **SIZES)
    state = to_theirs(places(case.config, case.head, case.places), random_params(case, rng))
    for weight, value in state.items():
        if weight.startswith(case.places.prefix) and "pooler" not in weight:
            state[weight] = file.setdefault(f"weights/{weight}", value)
        else:
            file[f"{name}/weights/{weight}"] = value
    inputs = random_inputs(case, rng, LENGTH)
    inputs |= random_labels(case, inputs, rng)
    prefix = case.places.prefix if name == "encoder" else ""
    model = load(
        make_peer(case), case, {weight.removeprefix(prefix): v for weight, v in state.items()}
    )
    loss, outputs, gradients = run_peer(case, model, inputs)
    for array, value in inputs.items():
        small = value if value.dtype == np.float32 else value.astype(np.int8)
        file[f"{name}/inputs/{array}"] = small
    for array, value in outputs.items():
        file[f"{name}/outputs/{array}"] = value.astype(np.float32)
    file[f"{name}/loss"] = np.float32(loss)
    norms = {
        f"{prefix}{weight}": np.linalg.norm(value.astype(np.float64))
        for weight, value in comparable(case, gradients).items()
    }
    # An array for each would be larger by its name than by what it holds.
    file[f"{name}/gradients"] = np.frombuffer("\n".join(norms).encode(), np.uint8)
    file[f"{name}/gradient_norms"] = np.array(list(norms.values()), np.float32)


if __name__ == "__main__":
    main()

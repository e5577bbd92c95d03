"""Runs a model with transformers: the one file that imports it, in an interpreter of its own.

python -m bert_jax.convert.transformers_check CLASS FOLDER BATCH.npz OUTPUTS.npz [no-pooler]
"""

import json
import sys

import numpy as np
import torch
import transformers


def main(class_name: str, folder: str, given: str, made: str, pooler: str = "") -> None:
    """Write the outputs of a model, and print what its loading said as JSON."""
    transformers.logging.set_verbosity_error()
    more = {"add_pooling_layer": False} if pooler == "no-pooler" else {}
    model, said = getattr(transformers, class_name).from_pretrained(
        folder,
        output_loading_info=True,
        local_files_only=True,
        use_safetensors=True,
        dtype=torch.float32,
        attn_implementation="eager",
        **more,
    )
    with np.load(given) as batch:
        inputs = {name: torch.from_numpy(array).long() for name, array in batch.items()}
    if class_name.startswith("DistilBert"):
        del inputs["token_type_ids"]
    with torch.no_grad():
        outputs = model.eval()(**inputs)
    np.savez(
        made, **{name: x.numpy() for name, x in outputs.items() if isinstance(x, torch.Tensor)}
    )
    names = {
        key: sorted(map(str, said[f"{key}_keys"]))
        for key in ("missing", "unexpected", "mismatched")
    }
    print(json.dumps({"version": transformers.__version__, **names}))


if __name__ == "__main__":
    main(*sys.argv[1:])

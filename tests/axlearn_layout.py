"""Weights of axlearn's tiny BERT models as a tree of ours."""

from typing import Any

import numpy as np

from bert_jax.encoder_weights import padded_vocab_size


def our_params(values: dict[str, np.ndarray], layers: int = 2) -> dict[str, Any]:
    """A tree of the weights that are there: an encoder, and a head if it has one.

    Args:
      values: `params/encoder/...` and `params/head/...` -> array. Layers are arrays of their own,
        and the product after attention is [outputs, heads, head size].
      layers: how many of them.
    """

    def get(name):
        return values[f"params/{name}"]

    def stack(name):
        return np.stack([get(f"encoder/transformer/layer{i}/{name}") for i in range(layers)])

    def norm(name, get=get):
        return {"scale": get(f"{name}/scale"), "bias": get(f"{name}/bias")}

    def affine(name, get=get):
        return {"kernel": get(f"{name}/weight"), "bias": get(f"{name}/bias")}

    def by_word(array):
        padding = padded_vocab_size(len(array)) - len(array)
        return np.pad(array, [(0, padding)] + [(0, 0)] * (array.ndim - 1))

    attention = "self_attention/attention"
    output = affine(f"{attention}/o_proj", stack)
    output["kernel"] = output["kernel"].transpose(0, 2, 3, 1)
    embeddings = {
        "word_embeddings": by_word(get("encoder/emb/token_emb/weight")),
        "position_embeddings": get("encoder/emb/pos_emb/weight")[0],
        "layer_norm": norm("encoder/emb/norm"),
    }
    if "params/encoder/emb/type_emb/weight" in values:
        embeddings["token_type_embeddings"] = get("encoder/emb/type_emb/weight")
    bert: dict[str, Any] = {
        "embeddings": embeddings,
        "encoder": {
            "layers": {
                "attention": {
                    **{
                        name: affine(f"{attention}/i_proj/{name[0]}_proj", stack)
                        for name in ("query", "key", "value")
                    },
                    "output": output,
                    "layer_norm": norm("self_attention/norm", stack),
                },
                "intermediate": affine("feed_forward/linear1", stack),
                "output": affine("feed_forward/linear2", stack),
                "layer_norm": norm("feed_forward/norm", stack),
            }
        },
    }
    if "params/head/output_bias" in values:
        predictions = {
            "transform": affine("head/transform/linear"),
            "layer_norm": norm("head/transform/norm"),
            "bias": by_word(get("head/output_bias")),
        }
        return {"bert": bert, "cls": {"predictions": predictions}}
    if "params/head/output/weight" in values:
        bert["pooler"] = affine("head/pooler/linear")
        return {"bert": bert, "classifier": affine("head/output")}
    return {"bert": bert}

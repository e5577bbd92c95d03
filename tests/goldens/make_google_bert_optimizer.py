"""Make `google_bert_optimizer.npz`: 20 updates by the original's own optimiser.

    PYTHON make_google_bert_optimizer.py GOOGLE_BERT_CHECKOUT

PYTHON has TensorFlow 2 and numpy. `create_optimizer` of google-research/bert `optimization.py`
(commit eedf571) is run as it is, under `tensorflow.compat.v1`, on seven small variables with the
original's names. The file holds float32 arrays: `start/NAME` and, stacked over the updates,
`gradient/NAME`, `after/NAME` and `learning_rate`; and the schedule's `peak`, `warmup_steps` and
`num_steps`.
"""

import importlib.util
import sys
from pathlib import Path

import numpy as np
import tensorflow.compat.v1 as tf

LEARNING_RATE, WARMUP_STEPS, NUM_STEPS = 0.05, 6, 20
SHAPES = {
    "bert/embeddings/word_embeddings": (3, 2),
    "bert/encoder/layer_0/attention/self/query/kernel": (2, 3),
    "bert/encoder/layer_1/attention/self/query/kernel": (2, 3),
    "bert/encoder/layer_0/output/LayerNorm/gamma": (2,),
    "bert/encoder/layer_1/output/LayerNorm/gamma": (2,),
    "bert/pooler/dense/bias": (2,),
    "cls/seq_relationship/output_weights": (2, 2),
}


def main(checkout: str) -> None:
    """Run the original's optimiser and write the file beside this one."""
    tf.disable_v2_behavior()
    # The other kind is read in place: the learning rate is then of the step's number that the same
    # update has already raised, or not, as it happens.
    tf.enable_resource_variables()
    sys.modules["tensorflow"] = tf
    path = Path(checkout) / "optimization.py"
    spec = importlib.util.spec_from_file_location("optimization", path)
    original = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(original)

    rng = np.random.default_rng(0)
    # Norms from about 0.3 to 4, so that some gradients are clipped and others are not.
    scales = rng.permuted(np.geomspace(0.06, 0.75, NUM_STEPS))
    arrays = {"peak": LEARNING_RATE, "warmup_steps": WARMUP_STEPS, "num_steps": NUM_STEPS}
    start = {name: rng.normal(size=shape).astype(np.float32) for name, shape in SHAPES.items()}
    gradients = {
        name: np.stack([rng.normal(size=shape) * scale for scale in scales]).astype(np.float32)
        for name, shape in SHAPES.items()
    }

    with tf.Session() as session:
        variables = {name: tf.get_variable(name, initializer=start[name]) for name in SHAPES}
        given = {name: tf.placeholder(tf.float32, shape) for name, shape in SHAPES.items()}
        # A loss whose gradient is what is fed.
        loss = tf.add_n([tf.reduce_sum(variables[name] * given[name]) for name in SHAPES])
        noted = []
        adam = original.AdamWeightDecayOptimizer
        apply = adam.apply_gradients
        adam.apply_gradients = lambda self, *given, **named: (
            noted.append(self.learning_rate) or apply(self, *given, **named)
        )
        train = original.create_optimizer(loss, LEARNING_RATE, NUM_STEPS, WARMUP_STEPS, False)
        session.run(tf.global_variables_initializer())
        after, rates = [], []
        for step in range(NUM_STEPS):
            fed = {given[name]: gradients[name][step] for name in SHAPES}
            rates.append(session.run([noted[0], train], fed)[0])
            after.append(session.run(variables))

    arrays["learning_rate"] = np.stack(rates)
    for name in SHAPES:
        arrays[f"start/{name}"] = start[name]
        arrays[f"gradient/{name}"] = gradients[name]
        arrays[f"after/{name}"] = np.stack([variables[name] for variables in after])
    np.savez_compressed(Path(__file__).parent / "google_bert_optimizer.npz", **arrays)


if __name__ == "__main__":
    main(*sys.argv[1:])

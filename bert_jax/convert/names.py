"""What each weight is called elsewhere: one table for each family of names.

Ours are paths of the parameter tree (`bert_jax.models`). Elsewhere every layer has arrays of its
own, `{}` standing for its number; ours are stacked on a leading axis.
"""

from collections.abc import Iterator
from typing import NamedTuple

# Below it in our tree, a weight has a leading axis of layers.
STACKED = "bert/encoder/layers/"


class Name(NamedTuple):
    """One weight.

    Attributes:
      ours: its path in the parameter tree.
      theirs: what it is called there.
      transposed: whether a matrix is kept there as [outputs, inputs]; ours are [inputs, outputs].
    """

    ours: str
    theirs: str
    transposed: bool = False


class Family(NamedTuple):
    """The names of one kind of model in one kind of file.

    Attributes:
      prefix: begins the names of the encoder; a file of an encoder alone may do without.
      names: of all weights that any model of the family may have.
      tied: what is only another name of a weight: theirs -> the name in `names`.
      heads: fits the names of the heads of pretraining.
      ignored: last parts of names that hold no weights.
    """

    prefix: str
    names: tuple[Name, ...]
    tied: dict[str, str]
    heads: str
    ignored: tuple[str, ...] = ()


def _torch(ours: str, theirs: str) -> Iterator[Name]:
    """A dense layer in PyTorch, which keeps [outputs, inputs]."""
    yield Name(f"{ours}/kernel", f"{theirs}.weight", transposed=True)
    yield Name(f"{ours}/bias", f"{theirs}.bias")


def _torch_norm(ours: str, theirs: str) -> Iterator[Name]:
    yield Name(f"{ours}/scale", f"{theirs}.weight")
    yield Name(f"{ours}/bias", f"{theirs}.bias")


def _google(ours: str, theirs: str) -> Iterator[Name]:
    """A dense layer in google-research/bert, which keeps [inputs, outputs]."""
    yield Name(f"{ours}/kernel", f"{theirs}/kernel")
    yield Name(f"{ours}/bias", f"{theirs}/bias")


def _google_norm(ours: str, theirs: str) -> Iterator[Name]:
    yield Name(f"{ours}/scale", f"{theirs}/LayerNorm/gamma")
    yield Name(f"{ours}/bias", f"{theirs}/LayerNorm/beta")


def _google_output(ours: str, theirs: str) -> Iterator[Name]:
    """The last layer of a head there, which is kept as [outputs, inputs] all the same."""
    yield Name(f"{ours}/kernel", f"{theirs}output_weights", transposed=True)
    yield Name(f"{ours}/bias", f"{theirs}output_bias")


def _tables(theirs: str, ending: str, *, types: bool = True) -> Iterator[Name]:
    for table in ("word", "position", "token_type") if types else ("word", "position"):
        name = f"{table}_embeddings"
        yield Name(f"bert/embeddings/{name}", f"{theirs}{name}{ending}")


def _hugging_face_encoder(prefix: str) -> Iterator[Name]:
    """`BertModel` of transformers, `modeling_bert.py`; RoBERTa's differs in its prefix alone."""
    yield from _tables(f"{prefix}embeddings.", ".weight")
    yield from _torch_norm("bert/embeddings/layer_norm", f"{prefix}embeddings.LayerNorm")
    layer = f"{prefix}encoder.layer.{{}}"
    for name in ("query", "key", "value"):
        yield from _torch(f"{STACKED}attention/{name}", f"{layer}.attention.self.{name}")
    yield from _torch(f"{STACKED}attention/output", f"{layer}.attention.output.dense")
    yield from _torch_norm(f"{STACKED}attention/layer_norm", f"{layer}.attention.output.LayerNorm")
    yield from _torch(f"{STACKED}intermediate", f"{layer}.intermediate.dense")
    yield from _torch(f"{STACKED}output", f"{layer}.output.dense")
    yield from _torch_norm(f"{STACKED}layer_norm", f"{layer}.output.LayerNorm")


def _hugging_face_bert() -> Iterator[Name]:
    yield from _hugging_face_encoder("bert.")
    yield from _torch("bert/pooler", "bert.pooler.dense")
    yield from _torch("cls/predictions/transform", "cls.predictions.transform.dense")
    yield from _torch_norm("cls/predictions/layer_norm", "cls.predictions.transform.LayerNorm")
    yield Name("cls/predictions/bias", "cls.predictions.bias")
    yield from _torch("cls/seq_relationship", "cls.seq_relationship")
    yield from _torch("classifier", "classifier")
    yield from _torch("qa_outputs", "qa_outputs")


def _hugging_face_roberta(*, classifies_sequences: bool) -> Iterator[Name]:
    """`modeling_roberta.py`: a classifier of sequences brings a pooler of its own."""
    yield from _hugging_face_encoder("roberta.")
    pooler, last = "roberta.pooler.dense", "classifier"
    if classifies_sequences:
        pooler, last = "classifier.dense", "classifier.out_proj"
    yield from _torch("bert/pooler", pooler)
    yield from _torch("cls/predictions/transform", "lm_head.dense")
    yield from _torch_norm("cls/predictions/layer_norm", "lm_head.layer_norm")
    yield Name("cls/predictions/bias", "lm_head.bias")
    yield from _torch("classifier", last)
    yield from _torch("qa_outputs", "qa_outputs")


def _hugging_face_distilbert() -> Iterator[Name]:
    """`modeling_distilbert.py`: no token types."""
    yield from _tables("distilbert.embeddings.", ".weight", types=False)
    yield from _torch_norm("bert/embeddings/layer_norm", "distilbert.embeddings.LayerNorm")
    layer = "distilbert.transformer.layer.{}"
    for ours, theirs in (("query", "q"), ("key", "k"), ("value", "v"), ("output", "out")):
        yield from _torch(f"{STACKED}attention/{ours}", f"{layer}.attention.{theirs}_lin")
    yield from _torch_norm(f"{STACKED}attention/layer_norm", f"{layer}.sa_layer_norm")
    yield from _torch(f"{STACKED}intermediate", f"{layer}.ffn.lin1")
    yield from _torch(f"{STACKED}output", f"{layer}.ffn.lin2")
    yield from _torch_norm(f"{STACKED}layer_norm", f"{layer}.output_layer_norm")
    yield from _torch("bert/pooler", "pre_classifier")
    yield from _torch("cls/predictions/transform", "vocab_transform")
    yield from _torch_norm("cls/predictions/layer_norm", "vocab_layer_norm")
    yield Name("cls/predictions/bias", "vocab_projector.bias")
    yield from _torch("classifier", "classifier")
    yield from _torch("qa_outputs", "qa_outputs")


def _google_bert() -> Iterator[Name]:
    """google-research/bert: `modeling.py`, and the heads of its `run_*.py`."""
    yield from _tables("bert/embeddings/", "")
    yield from _google_norm("bert/embeddings/layer_norm", "bert/embeddings")
    layer = "bert/encoder/layer_{}"
    for name in ("query", "key", "value"):
        yield from _google(f"{STACKED}attention/{name}", f"{layer}/attention/self/{name}")
    yield from _google(f"{STACKED}attention/output", f"{layer}/attention/output/dense")
    yield from _google_norm(f"{STACKED}attention/layer_norm", f"{layer}/attention/output")
    yield from _google(f"{STACKED}intermediate", f"{layer}/intermediate/dense")
    yield from _google(f"{STACKED}output", f"{layer}/output/dense")
    yield from _google_norm(f"{STACKED}layer_norm", f"{layer}/output")
    yield from _google("bert/pooler", "bert/pooler/dense")
    yield from _google("cls/predictions/transform", "cls/predictions/transform/dense")
    yield from _google_norm("cls/predictions/layer_norm", "cls/predictions/transform")
    yield Name("cls/predictions/bias", "cls/predictions/output_bias")
    yield from _google_output("cls/seq_relationship", "cls/seq_relationship/")
    yield from _google_output("classifier", "")
    yield from _google_output("qa_outputs", "cls/squad/")


_POSITION_IDS = ("position_ids", "token_type_ids")

BERT = Family(
    "bert.",
    tuple(_hugging_face_bert()),
    {
        "cls.predictions.decoder.weight": "bert.embeddings.word_embeddings.weight",
        "cls.predictions.decoder.bias": "cls.predictions.bias",
    },
    "cls.*",
    _POSITION_IDS,
)
_ROBERTA_TIED = {
    "lm_head.decoder.weight": "roberta.embeddings.word_embeddings.weight",
    "lm_head.decoder.bias": "lm_head.bias",
}
ROBERTA = Family(
    "roberta.",
    tuple(_hugging_face_roberta(classifies_sequences=False)),
    _ROBERTA_TIED,
    "lm_head.*",
    _POSITION_IDS,
)
ROBERTA_CLASSIFIER = ROBERTA._replace(names=tuple(_hugging_face_roberta(classifies_sequences=True)))
DISTILBERT = Family(
    "distilbert.",
    tuple(_hugging_face_distilbert()),
    {"vocab_projector.weight": "distilbert.embeddings.word_embeddings.weight"},
    "vocab_*",
    _POSITION_IDS,
)
GOOGLE = Family("bert/", tuple(_google_bert()), {}, "cls/*")

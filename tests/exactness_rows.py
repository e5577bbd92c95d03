"""Every bound that a test holds on a difference from somebody else's numbers.

A test takes its bound from here (`exactness.hold`), and `docs/exactness.md` has a line for each.
"""

from typing import NamedTuple


class Row(NamedTuple):
    """One line of the page.

    Attributes:
      section: of `SECTIONS`.
      what: is compared.
      peer: whom it is compared with.
      measure: what the difference is; the largest over all cases counts.
      bound: that it may not exceed.
      is_least: it must exceed the bound instead, in every case: an error made on purpose is seen.
    """

    section: str
    what: str
    peer: str
    measure: str
    bound: float
    is_least: bool = False


SECTIONS = {
    "published": "Models that others published",
    "goldens": "Every head, against outputs of transformers that are kept in `tests/goldens/`",
    "live": "Every head, against transformers itself, on random configs",
    "files": "Folders that `bert-jax convert` writes, in transformers, and its folders here",
    "bfloat16": "In bfloat16",
    "curve": "A trained curve",
    "optimizer": "The optimiser",
    "tokenizer": "The tokeniser",
}
FAMILIES = {"bert": "BERT", "roberta": "RoBERTa", "distilbert": "DistilBERT"}
ABSOLUTE = "absolute"
RELATIVE = "relative to the largest magnitude"
OF_NORM = "relative to each tensor's norm"
RATIO = "ours as a multiple of theirs"
COSINE = "1 - cosine"
TEXTS = "texts with other ids"
AXLEARN = "axlearn's tiny BERT"
MINILM = "all-MiniLM-L6-v2, {}"
# Errors made on purpose on our side, which a bound is to catch.
PLANTED = {
    "gelu": "the other GELU",
    "decay": "biases and LayerNorms decayed",
    "schedule": "the schedule of the paper",
}


def _of_families(
    section: str, kinds: tuple[tuple[str, str, str, float], ...], peer: str
) -> dict[str, Row]:
    """A row for each family and each of (key, what, measure, bound)."""
    return {
        f"{section}_{family}_{key}": Row(section, what, peer.format(title), measure, bound)
        for family, title in FAMILIES.items()
        for key, what, measure, bound in kinds
    }


ROWS = {
    "published_bert_states": Row(
        "published", "last hidden states of the masked LM", AXLEARN, ABSOLUTE, 2e-6
    ),
    "published_bert_logits": Row("published", "logits of every head", AXLEARN, ABSOLUTE, 2e-6),
    "published_bert_losses": Row("published", "loss of every head", AXLEARN, ABSOLUTE, 1e-5),
    "published_distilbert": Row(
        "published", "vector of the first position", "axlearn's tiny DistilBERT", ABSOLUTE, 2e-6
    ),
    "published_minilm_states": Row(
        "published", "state of every token", MINILM.format("by transformers"), ABSOLUTE, 1e-5
    ),
    "published_minilm_vector": Row(
        "published", "vector of a sentence", MINILM.format("by transformers"), ABSOLUTE, 1e-6
    ),
    "published_minilm_hello": Row(
        "published",
        "`hello world`, first five numbers",
        MINILM.format("as published"),
        ABSOLUTE,
        1e-5,
    ),
    "published_minilm_tei": Row(
        "published",
        "state of every token, with the tanh GELU",
        MINILM.format("by text-embeddings-inference"),
        ABSOLUTE,
        2e-3,
    ),
    "published_minilm_tei_cosine": Row(
        "published",
        "vector of a sentence, by its mean or [CLS]",
        MINILM.format("by text-embeddings-inference"),
        COSINE,
        1e-5,
    ),
    **_of_families(
        "goldens",
        (
            ("outputs", "logits, hidden states, attentions", ABSOLUTE, 2e-6),
            ("losses", "losses", RELATIVE, 2e-6),
            ("gradients", "norm of every gradient", OF_NORM, 5e-5),
        ),
        "transformers' {}",
    ),
    **_of_families(
        "live",
        (
            ("logits", "logits of every head", RELATIVE, 1e-5),
            ("layers", "hidden states and attentions of every layer", RELATIVE, 1e-5),
            ("losses", "losses", RELATIVE, 1e-5),
            ("gradients", "gradients of every weight", OF_NORM, 1e-4),
            ("weights", "weights, theirs to ours and back", ABSOLUTE, 0.0),
        ),
        "transformers' {}",
    ),
    **_of_families(
        "bfloat16",
        (("ratio", "mean deviation of every head from float32", RATIO, 1.5),),
        "PyTorch's own bfloat16, {}",
    ),
    **_of_families(
        "files",
        (
            ("written", "outputs of every head that we write", RELATIVE, 1e-5),
            ("read", "outputs of every head that it writes", RELATIVE, 1e-5),
        ),
        "transformers' {}",
    ),
    "curve": Row(
        "curve",
        "loss of each of 200 steps",
        "BertForPreTraining and torch.optim.AdamW",
        "relative",
        1e-5,
    ),
    **{
        f"curve_{key}": Row("curve", f"the same with {error}", "the same", "relative", 1e-5, True)
        for key, error in PLANTED.items()
    },
    "optimizer_original": Row(
        "optimizer",
        "weights after each of 20 updates, preset `paper`",
        "google-research/bert's `optimization.py`",
        ABSOLUTE,
        5e-7,
    ),
    "optimizer_numpy": Row(
        "optimizer", "weights after each of 30 updates, every preset", "plain numpy", ABSOLUTE, 3e-5
    ),
    "tokenizer_questions": Row(
        "tokenizer", "WordPiece ids of 10,570 questions", "the original's ids, as kept", TEXTS, 0
    ),
    "tokenizer_strings": Row(
        "tokenizer",
        "WordPiece ids of 5,000 odd strings for each of three vocabularies",
        "the original's algorithm, written again",
        TEXTS,
        0,
    ),
}

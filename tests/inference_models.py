"""Models with random weights and a tokeniser of few words, shared by tests of inference."""

from typing import Any

import jax
import numpy as np
from models import small_config

from bert_jax import models
from bert_jax.config import ComputeConfig
from bert_jax.head_config import HeadConfig
from bert_jax.inference.model import LoadedModel
from bert_jax.sentence_config import SentenceConfig
from data_pipeline.tokenization.rules import Rules
from data_pipeline.tokenization.text_tokenizer import SPECIALS
from data_pipeline.tokenization.tokenizer import Tokenizer

WORDS = ("the", "cat", "sat", "on", "mat", "dog", "ran", "##s", "john", "rome", ".", ",", "'")


def loaded_model(
    head: HeadConfig | None = None, *, sentences: SentenceConfig | None = None, **fields: Any
) -> LoadedModel:
    """A small model whose every weight matters, with a head."""
    config = small_config(vocab_size=len(SPECIALS) + len(WORDS), **fields)
    head = head or HeadConfig()
    rng = np.random.default_rng(0)
    params = jax.tree.map(
        lambda leaf: rng.normal(0, 0.3, leaf.shape).astype(np.float32),
        models.abstract_params(config, head),
    )
    tokenizer = Tokenizer([*SPECIALS, *WORDS], Rules(False))
    compute = ComputeConfig(matmul_precision="highest")
    return LoadedModel(config, head, params, tokenizer, compute, sentences)

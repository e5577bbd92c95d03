"""What can be set: frozen dataclasses that check themselves when they are made.

Field names are those of Hugging Face and of the original release wherever both have one, so
that a `config.json` reads the same everywhere. None of these classes knows gin; the one file
that does is `bert_jax/recipes/bindings.py`.
"""

import dataclasses
from typing import Any, Self

from bert_jax.errors import UserError
from bert_jax.field_checks import check_choice, check_range, check_types
from bert_jax.pair_tasks import PAIR_TASKS

# (layers, hidden, heads) of the released models: paper section 3, and the README of
# google-research/bert for the four small ones. The feed-forward layer is 4 x hidden in all.
MODEL_SIZES = {
    "tiny": (2, 128, 2),
    "mini": (4, 256, 4),
    "small": (4, 512, 8),
    "medium": (8, 512, 8),
    "base": (12, 768, 12),
    "large": (24, 1024, 16),
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class BertConfig:
    """The shape of a BERT encoder: everything that decides what its weights mean.

    `vocab_size` comes from the token store or the tokeniser, and `pair_task` from the pretraining
    objective: never from the fields that an experiment gives to this class.
    """

    vocab_size: int = 30522
    hidden_size: int = 768
    num_hidden_layers: int = 12
    num_attention_heads: int = 12
    intermediate_size: int = 3072
    # 'gelu' is the exact one (erf: the first release, and HF's default); 'gelu_new' is the tanh
    # approximation that google-research/bert has computed since 2019-02. A few models have 'relu'.
    hidden_act: str = "gelu"
    hidden_dropout_prob: float = 0.1
    attention_probs_dropout_prob: float = 0.1
    max_position_embeddings: int = 512
    # Rows of the position table in front of that of the first position: 2 in RoBERTa, whose table
    # begins with what fairseq kept free and the row of padding.
    position_offset: int = 0
    # 0: the model knows no token types, and has no table of them (DistilBERT).
    type_vocab_size: int = 2
    # What the pooler ends with. DistilBERT's classifiers call theirs `pre_classifier`, with 'relu'.
    pooler_act: str = "tanh"
    initializer_range: float = 0.02
    layer_norm_eps: float = 1e-12
    # What the model was pretrained to tell of two parts of a sequence (`bert_jax.pair_tasks`). With
    # 'none' it has neither the head for it nor the pooler that only this head trains.
    pair_task: str = "next_sentence"

    def __post_init__(self) -> None:
        check_types(self)
        check_range(
            self,
            *("vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads"),
            *("intermediate_size", "max_position_embeddings"),
            at_least=1,
        )
        check_range(self, "type_vocab_size", at_least=0)
        check_range(self, "position_offset", at_least=0, below=self.max_position_embeddings)
        check_range(
            self, "hidden_dropout_prob", "attention_probs_dropout_prob", at_least=0, below=1
        )
        check_range(self, "initializer_range", "layer_norm_eps", above=0)
        check_choice(self, "hidden_act", ("gelu", "gelu_new", "relu"))
        check_choice(self, "pooler_act", ("tanh", "relu"))
        check_choice(self, "pair_task", (*PAIR_TASKS, "none"))
        if self.hidden_size % self.num_attention_heads:
            raise UserError(
                f"BertConfig.hidden_size is {self.hidden_size}, it must be a multiple of "
                f"num_attention_heads ({self.num_attention_heads})"
            )

    @property
    def head_size(self) -> int:
        """Width of one attention head."""
        return self.hidden_size // self.num_attention_heads

    @property
    def max_length(self) -> int:
        """The longest row that the model can read, in tokens."""
        return self.max_position_embeddings - self.position_offset

    @classmethod
    def of_size(cls, size: str, **fields: Any) -> Self:
        """The released model of that name (`MODEL_SIZES`), with any field changed."""
        layers, hidden, heads = MODEL_SIZES[size]
        shape = {
            "hidden_size": hidden,
            "num_hidden_layers": layers,
            "num_attention_heads": heads,
            "intermediate_size": 4 * hidden,
        }
        return cls(**(shape | fields))

    @classmethod
    def tiny(cls, **fields: Any) -> Self:
        """2 layers, 128 wide."""
        return cls.of_size("tiny", **fields)

    @classmethod
    def mini(cls, **fields: Any) -> Self:
        """4 layers, 256 wide."""
        return cls.of_size("mini", **fields)

    @classmethod
    def small(cls, **fields: Any) -> Self:
        """4 layers, 512 wide."""
        return cls.of_size("small", **fields)

    @classmethod
    def medium(cls, **fields: Any) -> Self:
        """8 layers, 512 wide."""
        return cls.of_size("medium", **fields)

    @classmethod
    def base(cls, **fields: Any) -> Self:
        """12 layers, 768 wide: BERT-base."""
        return cls.of_size("base", **fields)

    @classmethod
    def large(cls, **fields: Any) -> Self:
        """24 layers, 1024 wide: BERT-large."""
        return cls.of_size("large", **fields)


@dataclasses.dataclass(frozen=True, kw_only=True)
class ComputeConfig:
    """How the model is computed; nothing here changes what its weights mean.

    `dtype` is the type of activations and of the copies of the weights that are multiplied; the
    weights themselves, softmax, LayerNorm and losses stay float32. `matmul_precision` matters for
    float32 only, which by default is multiplied in bf16 on TPU and TF32 on GPU. `vocab_chunk` is
    the number of words that the masked LM loss takes at a time, so that their scores stay in a
    CPU's cache; 0 for all at once, None for what is fastest on the platform.
    """

    dtype: str = "float32"
    matmul_precision: str = "default"
    scan_layers: bool = True
    remat: str = "none"
    vocab_chunk: int | None = None

    def __post_init__(self) -> None:
        check_types(self)
        check_range(self, "vocab_chunk", at_least=0)
        if self.vocab_chunk and self.vocab_chunk % 1024 and 1024 % self.vocab_chunk:
            raise UserError(
                f"ComputeConfig.vocab_chunk is {self.vocab_chunk}, it must divide 1024 or be a "
                "multiple of it"
            )
        check_choice(self, "dtype", ("float32", "bfloat16"))
        check_choice(self, "matmul_precision", ("default", "high", "highest"))
        check_choice(self, "remat", ("none", "dots", "full"))


@dataclasses.dataclass(frozen=True, kw_only=True)
class MeshConfig:
    """Sizes of the mesh's axes; one of them may be -1: whatever number of devices is left."""

    data: int = -1
    fsdp: int = 1
    tensor: int = 1

    def __post_init__(self) -> None:
        check_types(self)
        sizes = (self.data, self.fsdp, self.tensor)
        if any(size == 0 or size < -1 for size in sizes) or sizes.count(-1) > 1:
            raise UserError(
                f"MeshConfig is data={self.data}, fsdp={self.fsdp}, tensor={self.tensor}; every "
                "size must be at least 1, and at most one of them -1 (all devices that are left)"
            )


@dataclasses.dataclass(frozen=True, kw_only=True)
class OptimizerConfig:
    """The optimiser.

    `preset` names the update and the shape of its schedule: `paper` is the original's Adam without
    bias correction under a decay that runs from step 0; `adamw` corrects the bias and decays
    linearly from the end of the warm-up; `lamb` is for very large batches: it scales the step of
    every weight to that weight's norm (`bert_jax/optimizer.py`).
    """

    preset: str = "paper"
    b1: float = 0.9
    b2: float = 0.999
    eps: float = 1e-6
    weight_decay: float = 0.01
    max_grad_norm: float = 1.0

    def __post_init__(self) -> None:
        check_types(self)
        check_choice(self, "preset", ("paper", "adamw", "lamb"))
        check_range(self, "b1", "b2", at_least=0, below=1)
        check_range(self, "eps", "max_grad_norm", above=0)
        check_range(self, "weight_decay", at_least=0)

    @property
    def rates_are_steps(self) -> bool:
        """Whether a weight moves by about the learning rate a step; with LAMB by a share of it."""
        return self.preset != "lamb"


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """A run: how long, in what steps, and how often it says, checks and saves something.

    Cadences are in steps; 0 turns one off. `batch_size` counts rows over all hosts;
    `micro_batches` splits it to save memory and changes nothing else. `seed` decides the first
    weights, pairs, masks and dropout.
    """

    num_steps: int = 1_000_000
    batch_size: int = 256
    learning_rate: float = 1e-4
    warmup_steps: int = 10_000
    seed: int = 0
    micro_batches: int = 1
    log_every: int = 100
    eval_every: int = 10_000
    eval_examples: int = 10_000
    checkpoint_every: int = 10_000
    checkpoint_minutes: float = 30.0
    keep_checkpoints: int = 3
    keep_every: int = 0
    checkpoint_step_zero: bool = False

    def __post_init__(self) -> None:
        check_types(self)
        check_range(
            self,
            *("num_steps", "batch_size", "micro_batches", "keep_checkpoints", "eval_examples"),
            at_least=1,
        )
        check_range(
            self,
            *("warmup_steps", "log_every", "eval_every", "checkpoint_every"),
            *("checkpoint_minutes", "keep_every"),
            at_least=0,
        )
        check_range(self, "seed", at_least=0, below=2**32)
        check_range(self, "learning_rate", above=0)
        if self.batch_size % self.micro_batches:
            raise UserError(
                f"TrainConfig.batch_size is {self.batch_size}, it must be a multiple of "
                f"micro_batches ({self.micro_batches})"
            )

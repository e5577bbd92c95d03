"""How a model that makes vectors of sentences reads a text, and what becomes of its vector."""

import dataclasses
from typing import Any

from bert_jax.errors import UserError
from bert_jax.escaping import escaped

SIMILARITIES = ("cosine", "dot", "euclidean", "manhattan")


@dataclasses.dataclass(frozen=True, kw_only=True)
class SentenceConfig:
    """What is done to a text before its vector is made, and to the vector; the defaults do nothing.

    Attributes:
      max_length: tokens that a text is cut to, [CLS] and [SEP] among them; None: as many as the
        model has positions.
      lowercase: whether all is made lower case first, whatever the tokeniser does.
      prompts: texts that may be put before a text, by name.
      default_prompt: the name of the one that is put there if nothing else is said.
      include_prompt: whether the tokens of the prompt are part of what is pooled.
      truncate_dim: numbers that a vector is cut to, after it was divided by its length where the
        model does so (arXiv 2205.13147); None: all of them, as where it has no more.
      similarity: the measure of how alike two vectors are that the model was trained for, one of
        `SIMILARITIES`; None: it does not say, and cosine is meant.
    """

    max_length: int | None = None
    lowercase: bool = False
    prompts: dict[str, str] = dataclasses.field(default_factory=dict)
    default_prompt: str | None = None
    include_prompt: bool = True
    truncate_dim: int | None = None
    similarity: str | None = None

    def __post_init__(self) -> None:
        length = self.max_length
        if length is not None and (type(length) is not int or length < 2):
            raise UserError(
                f"max_length is {escaped(repr(length))[:60]}; it must be a whole number of tokens, "
                "2 or more"
            )
        size = self.truncate_dim
        if size is not None and (type(size) is not int or size < 1):
            raise UserError(
                f"truncate_dim is {escaped(repr(size))[:60]}; it must be a whole number, 1 or more"
            )
        if self.similarity not in (None, *SIMILARITIES):
            raise UserError(
                f"similarity is {escaped(repr(self.similarity))[:60]}; known are "
                f"{', '.join(SIMILARITIES)}"
            )
        for name in ("lowercase", "include_prompt"):
            if type(getattr(self, name)) is not bool:
                raise UserError(f"{name} must be true or false")
        if not isinstance(self.prompts, dict) or not all(
            isinstance(text, str) for pair in self.prompts.items() for text in pair
        ):
            raise UserError("prompts must be an object of names and texts")
        # As a list, because the name may be of a type that has no hash.
        if self.default_prompt is not None and self.default_prompt not in list(self.prompts):
            raise UserError(f"the default prompt: {self._unknown(self.default_prompt)}")

    def prompt_of(self, prompt: str | None = None, name: str | None = None) -> str:
        """What is put before a text.

        Args:
          prompt: itself; empty for none.
          name: of one of the model's; where neither is given, its default.

        Raises:
          UserError: both are given, or there is none of that name.
        """
        if prompt is not None:
            if name is not None:
                raise UserError("a prompt and the name of one are given; leave one of them out")
            return prompt
        if name is None:
            return self.prompts[self.default_prompt] if self.default_prompt is not None else ""
        if name not in self.prompts:
            raise UserError(self._unknown(name))
        return self.prompts[name]

    def facts(self) -> dict[str, Any]:
        """The fields that are not at their default, for a `config.json`."""
        found, default = dataclasses.asdict(self), dataclasses.asdict(SentenceConfig())
        return {name: value for name, value in found.items() if value != default[name]}

    def _unknown(self, name: Any) -> str:
        known = ", ".join(escaped(each)[:60] for each in self.prompts) or "none"
        return f"there is no prompt {escaped(str(name))[:60]!r}; the model has {known[:200]}"

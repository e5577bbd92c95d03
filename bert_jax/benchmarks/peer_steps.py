"""The same training step in PyTorch with Hugging Face's BERT. Imported in its own process only."""

from typing import Any

from bert_jax.benchmarks.train_step import VOCAB_SIZE, random_batch
from bert_jax.benchmarks.turns import Step
from bert_jax.config import BertConfig


def peer_step(size: str, gathered: bool, threads: int) -> Step:
    """One step of AdamW with clipping.

    The fastest of what PyTorch offers for this is used: its attention function and its fused
    optimiser.

    Args:
      size: of the released models.
      gathered: whether the masked positions are gathered before the masked LM head.
      threads: how many PyTorch may use.
    """
    import torch
    import transformers

    torch.set_num_threads(threads)
    torch.manual_seed(0)
    shape = BertConfig.of_size(size, vocab_size=VOCAB_SIZE)
    config = transformers.BertConfig(
        vocab_size=VOCAB_SIZE,
        hidden_size=shape.hidden_size,
        num_hidden_layers=shape.num_hidden_layers,
        num_attention_heads=shape.num_attention_heads,
        intermediate_size=shape.intermediate_size,
    )
    model = transformers.BertForPreTraining(config).train()
    batch = {name: torch.from_numpy(value) for name, value in random_batch().items()}
    inputs = {n: batch[n].long() for n in ("input_ids", "token_type_ids", "attention_mask")}
    positions, ids = batch["masked_lm_positions"].long(), batch["masked_lm_ids"].long()
    next_sentence = batch["next_sentence_labels"].long()
    labels = torch.full(inputs["input_ids"].shape, -100)
    labels.scatter_(1, positions, ids)
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=1e-4, eps=1e-6, weight_decay=0.01, fused=True
    )

    def loss() -> Any:
        if not gathered:
            output = model(**inputs, labels=labels, next_sentence_label=next_sentence)
            return output.loss
        encoded = model.bert(**inputs)
        index = positions[:, :, None].expand(-1, -1, config.hidden_size)
        masked = encoded.last_hidden_state.gather(1, index)
        cross_entropy = torch.nn.functional.cross_entropy
        predictions = model.cls.predictions(masked).view(-1, VOCAB_SIZE)
        pairs = model.cls.seq_relationship(encoded.pooler_output)
        return cross_entropy(predictions, ids.view(-1)) + cross_entropy(pairs, next_sentence)

    def step() -> None:
        optimizer.zero_grad()
        value = loss()
        value.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        value.item()

    return step

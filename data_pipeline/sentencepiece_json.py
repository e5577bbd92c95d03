"""A SentencePiece unigram model as a `tokenizer.json`, which Hugging Face's `tokenizers` opens.

Ids are the same as here (tested). Of a BPE model there is none: the library merges by the rank of
the piece that comes out, Hugging Face's by the pair that goes in.
"""

from __future__ import annotations

from sentencepiece import SentencePieceProcessor
from tokenizers import AddedToken, Regex, decoders, models, normalizers, pre_tokenizers, processors
from tokenizers import Tokenizer as HFTokenizer

from data_pipeline.text_rules import Rules
from data_pipeline.text_tokenizer import CLS, MASK, SEP, SPECIALS

# A score that no path with another choice takes: bytes are never spelt out by a text like "<0x41>".
_NEVER = -1e6


def full_json(processor: SentencePieceProcessor, rules: Rules) -> bytes | None:
    """The file's content, or None where an exact one cannot be made."""
    size = processor.get_piece_size()
    is_byte = [processor.is_byte(i) for i in range(size)]
    scores = [_NEVER if is_byte[i] else processor.get_score(i) for i in range(size)]
    if _are_ranks(processor, is_byte):
        return None
    vocab = list(zip(map(processor.id_to_piece, range(size)), scores, strict=True))
    pipeline = HFTokenizer(models.Unigram(vocab, processor.unk_id(), byte_fallback=any(is_byte)))
    pipeline.normalizer = normalizers.Sequence(
        [
            rules.normalizer(),
            normalizers.Replace(Regex(" +"), " "),
            normalizers.Strip(left=False, right=True),
        ]
    )
    # "first": what follows a special token directly goes on with its word.
    pipeline.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first", split=True)
    pipeline.decoder = decoders.Metaspace(prepend_scheme="first", split=True)
    pipeline.add_special_tokens([AddedToken(t, lstrip=t == MASK) for t in SPECIALS])
    ids = {token: processor.piece_to_id(token) for token in (CLS, SEP)}
    pipeline.post_processor = processors.TemplateProcessing(
        single=f"{CLS} $A {SEP}",
        pair=f"{CLS} $A {SEP} $B:1 {SEP}:1",
        special_tokens=list(ids.items()),
    )
    return str(pipeline.to_str(pretty=True)).encode()


def _are_ranks(processor: SentencePieceProcessor, is_byte: list[bool]) -> bool:
    """Whether pieces are numbered 0, -1, -2...: BPE's scores. Those of unigram are logarithms."""
    normal = [
        processor.get_score(i)
        for i, byte in enumerate(is_byte)
        if not (byte or processor.is_control(i) or processor.is_unknown(i))
    ]
    return normal == [-float(rank) for rank in range(len(normal))]

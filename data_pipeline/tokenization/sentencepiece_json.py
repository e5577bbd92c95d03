"""A SentencePiece unigram model as a `tokenizer.json`, which Hugging Face's `tokenizers` opens.

Ids are the same as here (tested), but for a text that begins with one of the few combining marks
and format characters that came into Unicode after version 8 and are not known as such everywhere.
There is no file of a BPE model (the library merges by the rank of the piece that comes out, Hugging
Face's by that of the pair that goes in) and none of one with pieces for bytes (which a literal
"<0x41>" would match there).
"""

from __future__ import annotations

from sentencepiece import SentencePieceProcessor
from tokenizers import AddedToken, Regex, decoders, models, normalizers, pre_tokenizers, processors
from tokenizers import Tokenizer as HFTokenizer

from data_pipeline.tokenization.rules import WORD_MARK, Rules
from data_pipeline.tokenization.text_tokenizer import CLS, MASK, SEP, SPECIALS


def full_json(processor: SentencePieceProcessor, rules: Rules) -> bytes | None:
    """The file's content, or None where an exact one cannot be made."""
    size = processor.get_piece_size()
    if are_ranks(processor) or any(map(processor.is_byte, range(size))):
        return None
    vocab = [(processor.id_to_piece(i), processor.get_score(i)) for i in range(size)]
    pipeline = HFTokenizer(models.Unigram(vocab, processor.unk_id(), byte_fallback=False))
    dropped = r"\p{Cc}\p{Cf}\p{Co}\x{FFFD}" + (r"\p{Mn}" if rules.strips_accents else "")
    pipeline.normalizer = normalizers.Sequence(
        [
            *rules.form_normalizers(),
            # The first word gets its mark only if nothing was dropped before it.
            normalizers.Replace(Regex(f"^[{dropped}]+"), " "),
            rules.word_normalizer(),
            normalizers.Replace(Regex(f"[ {WORD_MARK}]+"), " "),
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


def are_ranks(processor: SentencePieceProcessor) -> bool:
    """Whether pieces are numbered 0, -1, -2...: BPE's scores. Those of unigram are logarithms."""
    normal = [
        processor.get_score(i)
        for i in range(processor.get_piece_size())
        if not (processor.is_byte(i) or processor.is_control(i) or processor.is_unknown(i))
    ]
    return normal == [-float(rank) for rank in range(len(normal))]

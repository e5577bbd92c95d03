"""The languages whose codes are taken for text.

`sentencex` reads a code that it does not know as English, and has no list of those that it knows.
"""

from __future__ import annotations

import difflib

from data_pipeline.errors import DataError

# ISO 639-1: `sentencex` has rules for 31 of them, reads others as their nearest relative, and the
# rest (Thai, Swahili, ...) as English, with the marks of all scripts.
_ISO_639_1 = """
    aa ab ae af ak am an ar as av ay az ba be bg bi bm bn bo br bs ca ce ch co cr cs cu cv cy da
    de dv dz ee el en eo es et eu fa ff fi fj fo fr fy ga gd gl gn gu gv ha he hi ho hr ht hu hy
    hz ia id ie ig ii ik io is it iu ja jv ka kg ki kj kk kl km kn ko kr ks ku kv kw ky la lb lg
    li ln lo lt lu lv mg mh mi mk ml mn mr ms mt my na nb nd ne ng nl nn no nr nv ny oc oj om or
    os pa pi pl ps pt qu rm rn ro ru rw sa sc sd se sg si sk sl sm sn so sq sr ss st su sv sw ta
    te tg th ti tk tl tn to tr ts tt tw ty ug uk ur uz ve vi vo wa wo xh yi yo za zh zu
"""
# Of Wikipedia's longer codes, those for which `sentencex` (1.0) names a relative, or that it names
# as one.
_WIKIPEDIA = """
    aae abs ace acm ady ady-cyrl aeb aeb-arab aln als alt ami anp apc arn arq ary arz ast atj
    avk awa azb ban ban-bali bar bat-smg bbc bbc-latn bcc bci bdr be-tarask be-x-old bew bgn bh
    bho bjn blk bpy bqi btm bug bug-bugi bxr cbk-zam ckb crh crh-cyrl crh-latn csb de-at de-ch
    de-formal dsb dtp dty dua egl eml es-formal ext fit fiu-vro fon frc frp frr fur gag gan
    gan-hans gan-hant gcf gcr gld glk gom gom-deva gom-latn gor gsw guc hak hif hif-latn hke hrx
    hsb hsn hu-formal hyw iba ike-cans ike-latn inh jut kaa kab kbd kbd-cyrl kbp kea kge khw kiu
    kjh kjp kk-arab kk-cn kk-cyrl kk-kz kk-latn kk-tr knc ko-kp koi krc krl ks-arab ksh ksw
    ku-arab ku-latn kum lad lbe lez lij liv ljp lki lld lmo lrc ltg lua luz lzh lzz mad mag mai
    map-bms mdf mhr min mnc mnc-latn mnc-mong mnw mo mrj ms-arab mui mwl myv mzn nah nap nds
    nds-nl nia nl-informal nrf nrm nyn nyo olo pcd pdc pdt pfl pms pnt pt-br pwn qug rgn rmy
    roa-rup roa-tara rsk rue rup ruq ruq-cyrl ruq-latn rut sah scn sdc sdh se-fi se-no se-se ses
    sgs sh sh-cyrl sh-latn shi shi-latn shy shy-latn sjd skr skr-arab sli sma smn sr-cyrl sr-ec
    sr-el sr-latn srn sro stq sty szl szy tay tcy tet tg-cyrl tg-latn trv tt-cyrl ttj tyv udm
    ug-arab vec vep vls vmf vmw vot vro wls wuu wuu-hans wuu-hant xal xmf yue yue-hans yue-hant
    zh-classical zh-cn zh-hans zh-hant zh-hk zh-mo zh-my zh-sg zh-tw zh-yue
"""
LANGUAGES = frozenset(f"{_ISO_639_1} {_WIKIPEDIA}".split())


def check_language(language: str) -> None:
    """DataError, with the nearest codes, for a code of no language that is known here."""
    if language in LANGUAGES:
        return
    code = language.lower().replace("_", "-")
    base = code.partition("-")[0]
    near = [one for one in (code, base) if one in LANGUAGES][:1]
    if not near and 2 <= len(base) <= 3:  # longer ones are names
        # Codes are short: one of two letters shares a half with its neighbours.
        like = difflib.get_close_matches(code, sorted(LANGUAGES), n=3, cutoff=0.5)
        near = sorted(like, key=lambda one: not code.startswith(one))
    hint = f"did you mean {' or '.join(near)}?" if near else "it must be a code such as en or de."
    raise DataError(
        f"language {language!r} is not known; {hint} One that has no rules of its own can be read "
        "with those of a related one, such as language 'en' (--language en)"
    )

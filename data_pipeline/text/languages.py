"""The languages whose codes are taken for text.

`sentencex` reads a code that it does not know as English, and has no list of those that it knows.
"""

from __future__ import annotations

import re

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
# Its other codes (https://en.wikipedia.org/wiki/List_of_Wikipedias), read as English.
_WIKIPEDIA_OTHERS = """
    ang ann arc bcl cdo ceb cho chr chy dag dga din diq fat got gpe gur guw haw igl ilo jam jbo
    kcg kus lfn mni mos mus new nov nqo nso nup pag pam pap pcm pih pnb sat sco shn tdd tig tly
    tok tpi tum war zea zgh zh-min-nan
"""
LANGUAGES = frozenset(f"{_ISO_639_1} {_WIKIPEDIA} {_WIKIPEDIA_OTHERS}".split())
# ISO 639-2, both of its codes where there are two, for what has a code of ISO 639-1.
_ISO_639_2 = """
    aar=aa abk=ab afr=af aka=ak alb=sq amh=am ara=ar arg=an arm=hy asm=as ava=av ave=ae aym=ay
    aze=az bak=ba bam=bm baq=eu bel=be ben=bn bih=bh bis=bi bod=bo bos=bs bre=br bul=bg bur=my
    cat=ca ces=cs cha=ch che=ce chi=zh chu=cu chv=cv cor=kw cos=co cre=cr cym=cy cze=cs dan=da
    deu=de div=dv dut=nl dzo=dz ell=el eng=en epo=eo est=et eus=eu ewe=ee fao=fo fas=fa fij=fj
    fin=fi fra=fr fre=fr fry=fy ful=ff geo=ka ger=de gla=gd gle=ga glg=gl glv=gv gre=el grn=gn
    guj=gu hat=ht hau=ha heb=he her=hz hin=hi hmo=ho hrv=hr hun=hu hye=hy ibo=ig ice=is ido=io
    iii=ii iku=iu ile=ie ina=ia ind=id ipk=ik isl=is ita=it jav=jv jpn=ja kal=kl kan=kn kas=ks
    kat=ka kau=kr kaz=kk khm=km kik=ki kin=rw kir=ky kom=kv kon=kg kor=ko kua=kj kur=ku lao=lo
    lat=la lav=lv lim=li lin=ln lit=lt ltz=lb lub=lu lug=lg mac=mk mah=mh mal=ml mao=mi mar=mr
    may=ms mkd=mk mlg=mg mlt=mt mon=mn mri=mi msa=ms mya=my nau=na nav=nv nbl=nr nde=nd ndo=ng
    nep=ne nld=nl nno=nn nob=nb nor=no nya=ny oci=oc oji=oj ori=or orm=om oss=os pan=pa per=fa
    pli=pi pol=pl por=pt pus=ps que=qu roh=rm ron=ro rum=ro run=rn rus=ru sag=sg san=sa sin=si
    slk=sk slo=sk slv=sl sme=se smo=sm sna=sn snd=sd som=so sot=st spa=es sqi=sq srd=sc srp=sr
    ssw=ss sun=su swa=sw swe=sv tah=ty tam=ta tat=tt tel=te tgk=tg tgl=tl tha=th tib=bo tir=ti
    ton=to tsn=tn tso=ts tuk=tk tur=tr twi=tw uig=ug ukr=uk urd=ur uzb=uz ven=ve vie=vi vol=vo
    wel=cy wln=wa wol=wo xho=xh yid=yi yor=yo zha=za zho=zh zul=zu
"""
# Of countries, withdrawn ones, and those of ISO 639-3 for the chief of several kinds of a language.
_COMMON_OTHERS = """
    jp=ja cn=zh cz=cs gr=el dk=da ua=uk vn=vi iw=he in=id ji=yi jw=jv cmn=zh arb=ar pes=fa
    zsm=ms swh=sw fil=tl lvs=lv ekk=et simple=en
"""
_ALIASES = dict(one.split("=") for one in f"{_ISO_639_2} {_COMMON_OTHERS}".split())
# Of those that somebody might write out.
_NAMES = dict(
    one.split("=")
    for one in """
        arabic=ar bengali=bn chinese=zh czech=cs danish=da deutsch=de dutch=nl english=en
        español=es espanol=es finnish=fi français=fr francais=fr french=fr german=de greek=el
        hebrew=he hindi=hi hungarian=hu indonesian=id italian=it italiano=it japanese=ja korean=ko
        mandarin=zh norwegian=no persian=fa polish=pl portuguese=pt português=pt portugues=pt
        romanian=ro russian=ru spanish=es swahili=sw swedish=sv thai=th turkish=tr ukrainian=uk
        vietnamese=vi
    """.split()
)
# What may follow a language in a tag of BCP 47, section 2.1: a script, a region, variants.
_SUBTAG = re.compile("[a-z]{4}|[a-z]{2}|[0-9]{3}|[a-z0-9]{5,8}|[0-9][a-z0-9]{3}")


def known_language(language: str) -> str:
    """The code in `LANGUAGES` for a tag of BCP 47, in capitals or not, with `-` or `_`.

    A region, a script or a variant that is not known is left out: `en_US` is `en`, and `de-AT` is
    `de-at`. Codes of three letters (`deu`, `ger`) are those of two.

    DataError, with the code where a name was given, for a language that is not known here.
    """
    if language in LANGUAGES:
        return language
    tag = language.lower().replace("_", "-")
    base, *subtags = tag.split("-")
    base = _ALIASES.get(base, base)
    if all(map(_SUBTAG.fullmatch, subtags)):
        for count in range(len(subtags), -1, -1):
            code = "-".join([base, *subtags[:count]])
            if code in LANGUAGES:
                return code
    meant = _meant(tag)
    hint = f"did you mean {meant}?"
    if meant is None:
        hint = (
            "give its code of ISO 639-1 or of its Wikipedia (en, pt-br, ceb), or that of a "
            "related language"
        )
    raise DataError(f"language {language!r} is not known: {hint}")


def _meant(tag: str) -> str | None:
    """The code of a language that is named, or of one with something odd behind it."""
    for name, code in _NAMES.items():
        if tag.startswith(name) or (len(tag) >= 4 and name.startswith(tag)):
            return code
    base = tag.partition("-")[0]
    base = _ALIASES.get(base, base)
    return base if base in LANGUAGES else None

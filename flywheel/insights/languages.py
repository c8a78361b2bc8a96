"""German, Spanish and Japanese questions, read by their telling words in English.

Only the words that decide what a question is about are put into English, and common words that
decide nothing are dropped. What is left is read as any other question.
"""

import re
from collections.abc import Collection, Mapping

_GERMAN = """
beste=best bester=best bestes=best besten=best bestem=best besser=better besseres=better
schlechter=worse schlechteste=worst schlechtester=worst schlechtestes=worst schlechtesten=worst
schwächste=weakest schwächsten=weakest schlecht=bad gut=good genau=accurate genauigkeit=accuracy
genauer=better modell=model modelle=models modells=model kandidat=candidate kandidaten=candidates
lehrer=teacher welches=which welche=which welcher=which welchen=which warum=why wieso=why
weshalb=why grund=reason wer=who wann=when fehlgeschlagen=failed gescheitert=failed fehler=errors
fehlschlug=failed scheiterte=failed kaputt=broken sparen=save spart=saves sparten=saves spare=save
gespart=saved ersparnis=savings einsparung=savings einsparungen=savings kosten=cost kostet=costs
preis=price preise=prices teuer=expensive billiger=cheaper günstiger=cheaper billigste=cheapest
günstigste=cheapest monat=month jahr=year woche=week tag=day monatlich=monthly jährlich=yearly
täglich=daily wöchentlich=weekly million=million millionen=million tausend=thousand anfrage=requests
anfragen=requests aufrufe=requests schnell=fast schneller=faster schnellste=fastest langsam=slow
langsamer=slower latenz=latency dauer=duration dauert=take läuft=running laufen=running lief=ran
gerade=now jetzt=now vergleiche=compare vergleich=compare vergleichen=compare vergleichst=compare
gegen=versus unterschied=difference signifikant=significant freigegeben=approved genehmigt=approved
freigabe=approval freigaben=approvals befördert=promoted produktion=production klasse=class
klassen=classes datensatz=record datensätze=records daten=data beispiele=examples einträge=records
duplikate=duplicates dubletten=duplicates fertig=finished letzte=last letzten=last letzter=last
lauf=run läufe=runs gestern=yesterday wechseln=switch umsteigen=switch status=status stand=status
verwechselt=confused verwechselungen=confused trend=trend entwicklung=trend entwickelt=trend
verschlechtert=degraded verbessert=improved gewonnen=won verloren=lose verlor=lose nichts=nothing
schlechtere=worse ergebnis=result ergebnisse=results wetter=weather morgen=tomorrow gehalt=salary
reicht=enough empfehlung=recommendation trainiert=trained training=training größte=largest
kleinste=smallest kleine=small kleinen=small große=large großen=large warten=wait wartet=waits
oder=or als=than nicht=not kein=no keine=no und=and wird=is ist=is war=was hat=has haben=have
wie=how was=what pro=per im=a
"""
_SPANISH = """
mejor=best mejores=best peor=worst peores=worst débil=weakest bueno=good buena=good malo=bad
precisión=accuracy exactitud=accuracy modelo=model modelos=models candidato=candidate
candidatos=candidates maestro=teacher profesor=teacher qué=what que=that cuál=which cuáles=which
razón=reason motivo=reason quién=who quien=who cuándo=when falló=failed fallo=failed fallado=failed
fallaron=failed error=error errores=errors ahorramos=save ahorra=saves ahorrar=save ahorro=savings
ahorraríamos=save ahorraría=save cuesta=costs costo=cost coste=cost cuestan=costs precio=price
precios=prices caro=expensive barato=cheaper mes=month año=year semana=week día=day millón=million
millones=million mil=thousand peticiones=requests solicitudes=requests llamadas=requests rápido=fast
rápida=fast lento=slow latencia=latency velocidad=speed tarda=take ejecutando=running
ejecuta=running corriendo=running marcha=running ahora=now compara=compare comparar=compare
comparación=compare contra=versus diferencia=difference significativa=significant
significativo=significant aprobó=approved aprobado=approved aprobación=approval
aprobaciones=approvals promovido=promoted producción=production clase=class clases=classes
registros=records registro=record datos=data ejemplos=examples duplicados=duplicates
entrenamiento=training entrenado=trained terminó=finished terminado=finished última=last último=last
ejecución=run ejecuciones=runs ayer=yesterday cambiar=switch estado=status confunde=confused
tendencia=trend empeora=worse empeorado=degraded actual=current mejorado=improved resultado=result
promovió=promoted promovieron=promoted nada=nothing ganó=won perdió=lose resultados=results
tiempo=time clima=weather mañana=tomorrow suficiente=enough recomendación=recommendation
pequeño=small grande=large espera=waits o=or y=and no=not hubo=were hay=are hace=is es=is está=is
fue=was tiene=has con=with cuánto=how cuánta=how al=a por=per
"""
_PHRASES: Mapping[str, tuple[tuple[str, str], ...]] = {
    "german": (
        (r"\bwie viele?\b", "how many"),
        (r"\bwas für ein\w*\b", "which"),
        (r"\bin produktion\b", "in production"),
        (r"\bsollen wir\b|\bsollten wir\b", "should we"),
        (r"\bwer hat\b", "who"),
    ),
    "spanish": (
        (r"\bpor qué\b", "why"),
        (r"\bqué tan\b", "how"),
        (r"\bmejor que\b", "better than"),
        (r"\bpeor que\b", "worse than"),
        (r"\bcuánt[oa]s\b", "how many"),
        (r"\bal mes\b", "monthly"),
        (r"\bal año\b", "yearly"),
        (r"\ben producción\b", "in production"),
        (r"\bmás rápid[oa]\b", "fastest"),
        (r"\bmás barat[oa]\b", "cheapest"),
        (r"\bdeberíamos\b", "should we"),
    ),
}
_DROPPED = {
    "german": frozenset(
        "der die das den dem des ein eine einen einem einer eines mit bei von vom zu zum zur für in"
        " auf aus an am es sich wir uns ihr ich du sie er man mir bitte mal denn doch auch noch"
        " schon sind wurde wurden worden werden würde würden hatte hatten sein gibt da dann nur"
        " sehr um".split()
    ),
    "spanish": frozenset(
        "el la los las un una unos unas de del en se lo le les nos me mi su sus para a ha han he"
        " está son sería si este esta estos estas ese esa hay por favor cual tan más".split()
    ),
}
# The longest first, so that no word is read in a part of another.
_JAPANESE = """
一番良い=best|一番いい=best|最も良い=best|一番悪い=worst|最も悪い=worst|最高=best|最良=best|最悪=worst|
良い=good|悪い=bad|モデル=model|候補=candidate|教師=teacher|なぜ=why|どうして=why|理由=reason|
失敗した=failed|失敗=failed|エラー=errors|速度=speed|速い=fast|早い=fast|遅い=slow|レイテンシ=latency|
実行中=running|進行中=running|状況=status|状態=status|比較=compare|違い=difference|差=difference|
有意=significant|誰=who|承認=approved|本番=in production|昇格=promoted|節約=save|コスト=cost|
費用=cost|料金=price|価格=price|いくら=how much|リクエスト=requests|件=requests|クラス=class|
ラベル=label|データ=data|レコード=records|件数=how many records|重複=duplicates|学習=training|
訓練=training|精度=accuracy|正解率=accuracy|昨日=yesterday|最後=last|最新=latest|前回=previous run|
実行=run|負けた=lose|勝った=won|勝者=winner|結果=results|傾向=trend|推移=trend|どれ=which|どの=which|いつ=when|何=what|毎月=monthly|
月=a month |年=a year |週=a week |明日=tomorrow|天気=weather|切り替え=switch|べき=should|
と=and|より=than
"""
_JAPANESE_WORDS = dict(
    sorted(
        (pair.strip().split("=") for pair in _JAPANESE.replace("\n", "").split("|") if pair),
        key=lambda pair: -len(pair[0]),
    )
)
_JAPANESE_LETTERS = "\u3040-\u30ff\u3400-\u9fff\uff66-\uff9f"
_LARGE = re.compile(r"(\d[\d,]*)\s*(万|億)")
_PER = re.compile(r"(毎月|月|年|週)(?=\d)")
_VOCABULARY = {
    "german": dict(pair.split("=") for pair in _GERMAN.split()),
    "spanish": dict(pair.split("=") for pair in _SPANISH.split()),
}
# Words that English has as well say nothing about the language.
_SHARED = frozenset(
    "was war die des man mal an in am es er um so had hat has on no me he error status trend "
    "million training a o y al con pro stand".split()
)
_WORD = re.compile(r"[^\W\d_]+")


def in_english(text: str, names: Collection[str]) -> str:
    """The question, its telling words in English; one in English is returned as it is.

    `names` (lower case) and words with digits, hyphens or underscores stay as they are.
    """
    if re.search(f"[{_JAPANESE_LETTERS}]", text):
        return _from_japanese(text)
    words = [word.lower() for word in _WORD.findall(text)]
    for language, vocabulary in _VOCABULARY.items():
        known = set(vocabulary) | _DROPPED[language]
        own = {word for word in words if word in known and word not in _SHARED}
        foreign = any(not word.isascii() for word in own)
        if len(own) >= 2 or (own and foreign):
            return _translated(text, language, vocabulary, names)
    return text


def _translated(
    text: str, language: str, vocabulary: Mapping[str, str], names: Collection[str]
) -> str:
    for pattern, english in _PHRASES[language]:
        text = re.sub(pattern, f" {english} ", text, flags=re.IGNORECASE)
    dropped = _DROPPED[language]

    def word(match: re.Match[str]) -> str:
        own = match[0].lower()
        if own in names:
            return match[0]
        return "" if own in dropped else vocabulary.get(own, match[0])

    text = re.sub(r"(?<![\w-])[^\W\d_]+(?![\w-])", word, text)
    return re.sub(r"[¿¡]", " ", text)


def _from_japanese(text: str) -> str:
    text = text.translate(str.maketrans("０１２３４５６７８９？！、。", "0123456789?! ."))
    amounts = {"万": 10**4, "億": 10**8}
    period = _PER.search(text)
    text = _PER.sub(" ", text)
    text = _LARGE.sub(lambda m: f" {int(m[1].replace(',', '')) * amounts[m[2]]} ", text)
    for japanese, english in _JAPANESE_WORDS.items():
        text = text.replace(japanese, f" {english} ")
    text = re.sub(f"[{_JAPANESE_LETTERS}]+", " ", text)
    # 'a month' stands before the amount there, after it here.
    per = {"年": "year", "週": "week"}.get(period[1], "month") if period else None
    return re.sub(r"(\d+)\s+requests", rf"\1 requests a {per}", text) if per else text

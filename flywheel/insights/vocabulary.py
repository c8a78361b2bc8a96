"""The words that questions are made of, and what is done about mistyped ones."""

from difflib import get_close_matches

# Words that decide what a question is about. A mistyped one is read as the nearest of these.
_TELLING = """
accuracy accurate answer answers approval approve approved approver baseline best better categories
category cheap cheaper cheapest class classes classify compare compared comparison confuse confused
confusion cost costs data dataset difference duplicates evaluated evaluation examples expensive
explain fail failed fails fast faster fastest finished good happened happening highest incumbent
intervals label labels latency latest live lose loses losing lost machine million mistakes model
models money month monthly performance precision previous price prices problem production progress
promote promoted promotion quick quicker ready recall recommend recommendation recommended record
records rejected replace request requests result results running runs save saved saves saving
savings score scores second seconds serving slow slower slowest speed started state status student
summary support switch takes teacher thousand trained training verdict versus weak weakest which
winner wins workload workloads worse worst wrong year yearly weighted balanced similarity
significant replaced drift trend history approvals unparseable tokens traffic summarise
""".split()

# Words that are in any sentence: never a name, never corrected.
_FILLING = """
a about after again against ago all also am an and any anyone are as at average away back bad be
because been before being between big bigger biggest both but by call calls can can't candidate
candidates cannot case cases check common correct could count currently day days described detail
details did didn't different do does doesn't doing don't done each either else error errors ever
every exactly example f1 far few first flywheel for from get gets give go going gone got group had
happen has have having he hello help her here hers hey hi him his hold holds hosted hour hours how
human i idea if improve in included information instead interval into is isn't it it's its just k
kind kinds know large last learn learned less let's like list little load local log logged logs long
look lot lower lowest m macro made main make makes many maximum may me mean means measured median
messages might minimum minute minutes missing mode more most much must my name near need needs never
new newest next no not now number numbers of off often ok okay on once one only or other others our
ours out over overall part past pay per person pick piece please point pretty prompts put queries
query question questions quite rate rates rather really reason reasons reference refused response
responses rest right rule run safe same sample samples say see seem seems serve serves several shall
share shares she should show size sized small smaller so some something spend spending split start
still stop such sure take taken task tell test tested text than thank thanks that that's the their
them then there there's these they thing things this those though through time times to today tokens
told too took top total towards train true trust try two type types under unit until up us use used
uses using value values version very wait waiting want wants was wasn't way we week weeks weighted
well went were what what's when where whether while who who's whole whom whose why will win winning
with within without won won't work worked working works would yes yesterday yet you your
""".split()

# More everyday words: not corrected either, and never taken for an unknown name.
_EVERYDAY = """
able above according across actual added agent agents agree alike almost alone along already always
among amount answered anybody anymore anything apart argue around aside ask asked became become beat
beats began begin begun behind belong below beside besides bet bigger bill boss bottom break bring
brings broke bug buy calling came care change changed changes chosen clear close closer come comes
confirm contain contains contradict cut daily date dates dead deal decide decided decision degrade
degraded depend develop developed discard discarded down drop dropped dropping during early easier
easy else end ended ends enough entire equal evals even evening ever everybody everyone everything
everywhere exact expect expected extra face fair fall fallen fell felt fewer field figure fill final
fine fit fix followed form found free friday front full future gain gained gap general given gives
glad goes gonna gotta guess gut guys half happy hardly head heard hold honest hope hopefully huge
hurt idea ignore imagine important improve improved improves improvement inside instance instruct
instructions insufficient intended issue issues item job join june july keep keeps kept known lacks
language last lately later least leave left level lie line lines list listed lots lucky maintain
manage mark match matter matters maybe mention middle mind mine minus miss missed misses mix mixed
moment monday morning most mostly move nah name nearly neither never nice nobody none nope normal
note notes nothing notice numbers obvious odd old oldest onto open opened opinion order otherwise
outcome overview own page paid pair part people perhaps pick place plain plan plans plus possible
post present pretend print pro probably proper quality quarter quarters quiet reached read real
reach regular relative relevant remain remember remind requested required respect return route
routes routing rn same saturday save second seconds seemed seems seen sense separate serious set
several short shot side significantly simple simply since single six skip slightly slip slipped
slips somebody someone somehow sometimes somewhat somewhere soon sort sorry speak specific spot
spring stand standard stay step steps stick stopped straight strange strong summer sunday super
system talk tells ten term terms thing think third thursday tiny together tomorrow tonight tool
tools top touch toward transfer trouble tuesday turn turned twice understand unfortunately unless
unlike unsure upset useful user users usual various via view wanna wednesday weekend went whatever
whenever wherever whichever winter wise wish wonder word words wrote yeah yep yes yours bro dude api
key password secret database prompt poem email salary gpu weather budget complaints complained
footprint carbon competitor competitors customer customers hardware mail phone approving answers
ourselves himself herself itself themselves finetuned finetuning fine-tuned fine-tuning evaluate pls
plz thx lol btw asap atm fyi imo iirc vs tuned unreadable contradicting percentile p95 p50 p99 whats
hows wheres whos whens theres lets dont doesnt didnt isnt arent cant wont im ive thats dupes dups
dup head-to-head side-by-side killed kill jobs queue queued json result tool_result url link image
""".split()
# Endings of ordinary words; hardly a model is called so.
_ENDINGS = (
    "ly", "ing", "ed", "tion", "tions", "sion", "ness", "ment", "able", "ity", "wise", "ous", "ful",
    "ive", "ance", "ence",
)  # fmt: skip

COMMON = frozenset(_TELLING) | frozenset(_FILLING) | frozenset(_EVERYDAY)
# Common, but a workload may be called so: 'support' of support_routing, 'drafts' of reply_drafts.
_FUNCTION_WORDS = frozenset(_FILLING)

_SYNONYMS = {
    "logistic": "logreg",
    "logisticregression": "logreg",
    "vector": "svm",
    "svc": "svm",
    "tf-idf": "tfidf",
    "hash": "hashing",
    "tfidfsvm": "tfidf-svm",
}
_SHORT = {
    "acc": "accuracy",
    "prec": "precision",
    "rec": "recall",
    "perf": "performance",
    "diff": "difference",
    "avg": "average",
}


def is_ordinary(word: str) -> bool:
    """Whether it is an everyday word, and so no name that nothing has."""
    return word in COMMON or (len(word) > 5 and word.isalpha() and word.endswith(_ENDINGS))


def may_name(word: str, is_part: bool) -> bool:
    """Whether the word may stand for a name that it `is_part` of, letter by letter."""
    return word not in COMMON or (is_part and word not in _FUNCTION_WORDS)


def canonical(word: str) -> str:
    """The word that names use for it: 'logistic' is written 'logreg'."""
    return _SYNONYMS.get(word, word)


def corrected(word: str) -> str:
    """The telling word that a mistyped one stands for, or the word itself."""
    word = _SHORT.get(word, word)
    if len(word) < 4 or word in COMMON or not word.isalpha():
        return word
    swapped = [telling for telling in _TELLING if sorted(telling) == sorted(word)]
    close = swapped or get_close_matches(word, _TELLING, n=1, cutoff=0.8)
    return close[0] if close else word

"""The words that questions are made of, and what is done about mistyped ones."""

from difflib import get_close_matches

# Words that decide what a question is about. A mistyped one is read as the nearest of these.
_TELLING = """
accuracy accurate answer answers approve approved approval approver baseline best better
category categories cheap cheaper cheapest class classes classify compare compared comparison
confuse confused confusion cost costs data dataset difference duplicates evaluated evaluation
examples expensive explain fail failed fails fast faster fastest finished good happened
happening highest incumbent intervals label labels latency latest live lose loses losing lost
machine million mistakes model models money month monthly performance precision previous price
prices problem production progress promote promoted promotion quick quicker ready recall
recommend recommendation recommended record records rejected replace request requests result
results running runs save saved saves saving savings score scores second seconds serving slow
slower slowest speed started state status student summary support switch takes teacher thousand
training trained verdict versus weak weakest which winner wins workload workloads worse worst
wrong year yearly
""".split()  # noqa: SIM905 - a text of words reads better

# Words that are in any sentence: never a name, never corrected.
_FILLING = """
a about after again against ago all also am an and any anyone are as at away back be because been
before being between both but by can cannot can't could day days did didn't do does doesn't doing
don't done each either else ever every far few first for from get gets give go going got had
happen has have having he hello help her here hers hey hi him his hour hours how i if in instead
into is isn't it it's its just kind know last let's like list little long look lot made make makes
many may me mean means might more most much must my name need needs never new newest next no not
now of off often ok okay on once one only or other others our ours out over per person please
pretty put quite rather really right run same say see seem seems several shall she should show so
some something still such take taken tell than thank thanks that that's the their them then there
there's these they thing things this those though through to today told too took top total
towards two under until up us use used uses using very want wants was wasn't way we week weeks
well went were what what's when where whether while who whole who's whom whose why will win with
within without won won't would yes yesterday yet you your
average bad big biggest bigger call calls candidate candidates case cases check common compare
correct count currently described detail details different error errors example exactly f1
flywheel go gone group holds hold hosted human idea improve included information interval k kinds
large learn learned less load local log logged logs lower lowest m macro main maximum mean
measured median messages minimum minute minutes missing mode monthly near number numbers
overall part past pay pick piece point prompts queries query question questions rate rates reason
reasons reference refused response responses rest rule safe sample samples serve serves share
shares should sized size small smaller spend spending split start stop sure task test tested text
time times tokens train true trust try types type unit value values version wait waiting weeks
weighted winning work worked working works
""".split()  # noqa: SIM905 - a text of words reads better

COMMON = frozenset(_TELLING) | frozenset(_FILLING)

_SYNONYMS = {
    "logistic": "logreg",
    "logisticregression": "logreg",
    "vector": "svm",
    "svc": "svm",
    "tf-idf": "tfidf",
    "hash": "hashing",
}


def canonical(word: str) -> str:
    """The word that names use for it: 'logistic' is written 'logreg'."""
    return _SYNONYMS.get(word, word)


def corrected(word: str) -> str:
    """The telling word that a mistyped one stands for, or the word itself."""
    if len(word) < 4 or word in COMMON or not word.isalpha():
        return word
    swapped = [telling for telling in _TELLING if sorted(telling) == sorted(word)]
    close = swapped or get_close_matches(word, _TELLING, n=1, cutoff=0.8)
    return close[0] if close else word

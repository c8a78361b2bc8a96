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
winner wins workload workloads worse worst wrong year yearly
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

"""Token-overlap F1: how many words an answer shares with the reference. Not a class F1."""

import re
import string
from collections import Counter
from collections.abc import Sequence
from statistics import fmean

_NO_PUNCTUATION = str.maketrans("", "", string.punctuation)
_ARTICLES = re.compile(r"\b(?:a|an|the)\b")


def token_f1(answers: Sequence[str], references: Sequence[str]) -> float:
    """Mean F1 of the words of each answer against those of its reference, 0 to 1.

    As the evaluation script of SQuAD 2.0 has it (Rajpurkar, Jia & Liang, ACL 2018), and NeMo
    Evaluator after it under the name `f1`: the answers are taken as the model gave them, in
    lower case, without punctuation and articles; words are counted with repetition; a pair
    without a common word is 0, but 1 where both have no word at all. A wrong label that shares a
    word with the right one scores, a right answer in many words hardly does, so this is no
    measure of a classifier: it is there to compare with numbers that were published. The
    sequences are of one length, not empty.
    """
    return fmean(_f1(*pair) for pair in zip(answers, references, strict=True))


def _f1(answer: str, reference: str) -> float:
    given, wanted = _words(answer), _words(reference)
    if not given and not wanted:
        return 1.0
    return 2 * (given & wanted).total() / (given.total() + wanted.total())


def _words(text: str) -> Counter[str]:
    return Counter(_ARTICLES.sub(" ", text.lower().translate(_NO_PUNCTUATION)).split())

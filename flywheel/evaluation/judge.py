"""Judging answers by a language model: what it is asked, and what its replies come to. Pure."""

import json
import math
from collections.abc import Iterator, Sequence
from hashlib import sha256
from statistics import fmean, stdev
from typing import Any, Literal, NamedTuple

from pydantic import BaseModel, Field

from flywheel.evaluation.interval import Interval
from flywheel.formatting import count, score
from flywheel.prompts import render

JudgeTask = Literal["similarity", "tool-calling"]

# The least and the greatest score of each task; scores are whole numbers.
SCALE: dict[JudgeTask, tuple[int, int]] = {"similarity": (1, 10), "tool-calling": (0, 1)}

_PROMPTS: dict[JudgeTask, str] = {
    "similarity": "judge_similarity",
    "tool-calling": "judge_tool_calls",
}
_JSON = json.JSONDecoder()


def similarity_share(score: float) -> float:
    """A similarity from 1 to 10 on a scale of 0 to 1, which is the one of margins."""
    least, greatest = SCALE["similarity"]
    return (score - least) / (greatest - least)


class JudgePair(BaseModel):
    """One answer to judge against its reference; all of it is JSON, as it was logged."""

    request: Any = Field(description="Messages, and tools where there are any")
    reference: Any = Field(description="The teacher's answer: text, or a list of tool calls")
    answer: Any = Field(description="The candidate's")


class JudgePrompt(NamedTuple):
    """What the judge is told. Scores under different digests are not comparable."""

    text: str
    digest: str  # sha256 of the text, hex


class Judgement(BaseModel):
    """What became of one pair."""

    outcome: Literal["scored", "unreadable", "failed"]
    score: int | None = Field(None, description="Of a scored pair")
    reply: str | None = Field(None, description="What the judge said")
    error: str | None = Field(None, description="Why a pair has failed, one sentence")


class JudgeScores(BaseModel):
    """What a judge says of one model's answers."""

    task: JudgeTask
    n: int = Field(description="Pairs judged, whatever became of them")
    scored: int = Field(description="Pairs with a score: those that the mean is of")
    mean: Interval | None = Field(description="Mean score; None where no pair has one")
    unreadable: int = Field(description="Replies without one clear score; none was guessed")
    failed: int = Field(description="Pairs that the judge did not answer, after all attempts")
    model: str = Field(description="The judge")
    prompt_digest: str = Field(description="sha256 of the prompt, hex")


def judge_prompt(task: JudgeTask) -> JudgePrompt:
    """What the judge of that task is told."""
    return prompt_of(render(_PROMPTS[task]).text)


def prompt_of(text: str) -> JudgePrompt:
    """A prompt with its digest."""
    return JudgePrompt(text, sha256(text.encode()).hexdigest())


def messages(prompt: JudgePrompt, pair: JudgePair) -> list[dict[str, str]]:
    """The conversation that asks for one judgement.

    The pair goes as JSON, so that no answer can close its quotation and speak to the judge.
    Half a surrogate pair, which models do write and UTF-8 has no bytes for, becomes '?'.
    """
    quoted = json.dumps(pair.model_dump(), ensure_ascii=False)
    return [
        {"role": "system", "content": prompt.text},
        {"role": "user", "content": quoted.encode("utf-8", "replace").decode()},
    ]


def read_score(reply: str, task: JudgeTask) -> int | None:
    """The score that a reply gives as `{"score": 7}`, or None where it gives no single one.

    Thoughts between <think> tags do not count. A reply with two different scores has none: one
    of them may be a quotation from the answer judged. Nor has one off the scale.
    """
    said = reply.rpartition("</think>")[2].partition("<think>")[0]
    found = set(_scores(said))
    least, greatest = SCALE[task]
    if len(found) != 1 or not least <= (score := found.pop()) <= greatest:
        return None
    return int(score) if score == int(score) else None


def _scores(text: str) -> Iterator[float]:
    """The scores in all JSON objects of a text; NaN for one that is no number."""
    for start, character in enumerate(text):
        if character != "{":
            continue
        try:
            value, _ = _JSON.raw_decode(text, start)
        except (ValueError, RecursionError):
            continue
        if "score" in value:
            score = value["score"]
            number = isinstance(score, int | float) and not isinstance(score, bool)
            yield score if number else math.nan


def judged(reply: str, task: JudgeTask) -> Judgement:
    """A reply as a judgement."""
    score = read_score(reply, task)
    outcome: Literal["scored", "unreadable"] = "unreadable" if score is None else "scored"
    return Judgement(outcome=outcome, score=score, reply=reply)


def judge_scores(
    task: JudgeTask,
    judgements: Sequence[Judgement],
    model: str,
    prompt: JudgePrompt,
    confidence: float,
) -> JudgeScores:
    """The scores of one model; pairs without a score are counted and left out of the mean.

    Similarity: Student's t interval of the mean (Student, Biometrika 6, 1908), cut at the ends
    of the scale; a single score tells nothing, so its interval is the scale. Scores that are all
    alike leave it no width, which says more than a small sample can. Tool calling: Wilson's.
    """
    scores = [j.score for j in judgements if j.score is not None]
    return JudgeScores(
        task=task,
        n=len(judgements),
        scored=len(scores),
        mean=_mean(task, scores, confidence) if scores else None,
        unreadable=sum(j.outcome == "unreadable" for j in judgements),
        failed=sum(j.outcome == "failed" for j in judgements),
        model=model,
        prompt_digest=prompt.digest,
    )


def judged_in_words(scores: JudgeScores) -> str:
    """'judge similarity 8.310 (95 % 8.110–8.510, n 97), no score for 3 (2 unreadable, 1 failed)'"""
    what = "judge similarity" if scores.task == "similarity" else "calls that the judge finds right"
    if scores.mean is None:
        said = f"{what}: none of {count(scores.n)} answers has a score"
    else:
        said = f"{what} {score(scores.mean, scores.scored)}"
    lacking = scores.unreadable + scores.failed
    if lacking:
        said += (
            f", no score for {count(lacking)} ({count(scores.unreadable)} replies unreadable, "
            f"{count(scores.failed)} requests failed)"
        )
    return said


def judge_in_words(scores: JudgeScores) -> str:
    """Who judged, under which prompt, and how many answers got a score."""
    return (
        f"Judged by {scores.model}, prompt {scores.prompt_digest[:12]}: {count(scores.scored)} of "
        f"{count(scores.n)} scored, {count(scores.unreadable)} replies unreadable, "
        f"{count(scores.failed)} requests failed"
    )


def _mean(task: JudgeTask, scores: Sequence[int], confidence: float) -> Interval:
    if task == "tool-calling":
        from flywheel.evaluation.intervals import wilson

        return wilson(sum(scores), len(scores), confidence)
    from scipy.special import stdtrit  # the same as scipy.stats.t.ppf, far faster to import

    least, greatest = SCALE[task]
    n, mean = len(scores), fmean(scores)
    half = math.inf
    if n > 1:
        half = float(stdtrit(n - 1, (1 + confidence) / 2)) * stdev(scores) / math.sqrt(n)
    return Interval(
        value=mean,
        low=max(mean - half, least),
        high=min(mean + half, greatest),
        confidence=confidence,
        method="Student's t interval",
    )

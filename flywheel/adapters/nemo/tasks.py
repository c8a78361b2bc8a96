"""What Evaluator is asked to do: templates and metrics in its own words. Pure."""

from typing import Any, Literal

from flywheel.adapters.nemo.facts import EvalFacts
from flywheel.evaluation.judge import JudgeTask

Kind = Literal["classification", "tool_calling", "generic"]

TASK = "chat-completion"
MESSAGES = "{{ item.request.messages | tojson }}"
TOOLS = "{{ item.request.tools | tojson }}"
ANSWER = "item.response.choices[0].message"
SCORE = r'"score"\s*:\s*(\d+)'

# The user message of a judge, as `prompts/judge_*.md` describe it.
_ASKED = {
    "similarity": """
        "request": {"messages": item.request.messages},
        "reference": item.response.choices[0].message.content,
        "answer": sample.output_text
    """,
    "tool-calling": """
        "request": {
            "messages": item.request.messages, "tools": item.request.tools | default([])
        },
        "reference": item.response.choices[0].message.tool_calls,
        "answer": sample.response.choices[0].message.tool_calls | default(sample.output_text)
    """,
}


def kind_of(facts: EvalFacts) -> Kind:
    """What sort of answers the evaluation set holds."""
    if facts.answers_call_tools:
        return "tool_calling"
    return "classification" if facts.labelled else "generic"


def judge_metric(task: JudgeTask, prompt: str, model: str | dict[str, Any]) -> dict[str, Any]:
    """An `llm-judge` metric; `model` is a served model's name, or where another one is asked."""
    user = "{{ {" + " ".join(_ASKED[task].split()) + "} | tojson }}"
    return {
        "type": "llm-judge",
        "params": {
            "model": model,
            "template": {
                "messages": [
                    {"role": "system", "content": prompt},
                    {"role": "user", "content": user},
                ]
            },
            "scores": {
                task: {"type": "int", "parser": {"type": "regex", "pattern": SCORE}},
            },
        },
    }


def metrics(kind: Kind, judged: dict[str, Any] | None) -> dict[str, Any]:
    """The metrics of a task; `judged` is the judge's, where one is asked."""
    found: dict[str, Any] = {}
    if kind == "tool_calling":
        truth = f"{{{{ {ANSWER}.tool_calls | tojson }}}}"
        found["tool-calling-accuracy"] = {
            "type": "tool-calling",
            "params": {"tool_calls_ground_truth": truth},
        }
    elif kind == "classification" or judged is None:
        truth = f"{{{{ {ANSWER}.content | trim }}}}"
        found["f1"] = {"type": "f1", "params": {"ground_truth": truth}}
    if judged is not None:
        found["llm-judge"] = judged
    return found


def evaluation_config(
    facts: EvalFacts, files_url: str, wanted: dict[str, Any], parallelism: int
) -> dict[str, Any]:
    """The config of an evaluation job: every row is asked as it was logged."""
    template: dict[str, Any] = {"messages": MESSAGES, **(facts.sampling or {})}
    if facts.tools:
        template["tools"] = TOOLS
    return {
        "type": "custom",
        "params": {"parallelism": parallelism},
        "tasks": {
            TASK: {
                "type": "chat-completion",
                "dataset": {"files_url": files_url},
                "params": {"template": template},
                "metrics": wanted,
            }
        },
    }


def said(result: Any) -> str:
    """NeMo's own scores in a few words: 'NeMo: f1_score 0.612'."""
    scores = [
        f"{name} {score.value:.3f}"
        for task in (result.tasks or {}).values()
        for metric in (task.metrics or {}).values()
        for name, score in (metric.scores or {}).items()
    ]
    return f"NeMo: {', '.join(scores)}" if scores else ""

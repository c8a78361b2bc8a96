"""The policy: what a candidate has to show before people are asked to promote it.

A YAML file of a few keys. What is stored with a verdict is its text, letter by letter, and the
sha256 of it: an auditor can see which rule was in force.
"""

from decimal import Decimal
from functools import lru_cache
from hashlib import sha256
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from flywheel.errors import SettingsError
from flywheel.evaluation.headline import METRICS_OF, Metric
from flywheel.settings.catalogue import Catalogue
from flywheel.settings.problems import Describer
from flywheel.settings.yaml_file import parse_settings

PACKAGED = "config/policy.yaml"

PolicyMetric = Literal[
    "auto", "macro_f1", "weighted_f1", "accuracy", "tool_calls", "function_names", "similarity"
]
Reference = Literal["teacher", "incumbent"]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Floor(_Section):
    """What one class has to reach."""

    label: str = Field(description="The class; of tool calls, the tool")
    metric: Literal["recall", "precision"] = "recall"
    at_least: float = Field(gt=0, le=1)


class ApprovalRule(_Section):
    """Who has to agree before a model that passed takes over."""

    four_eyes: bool = Field(False, description="Whoever asked for the run does not approve it")
    approvals: int = Field(1, ge=1, le=10, description="How many people have to approve")
    expires_hours: float | None = Field(168.0, gt=0, description="Then nobody can any more")


class Policy(_Section):
    """The clauses; what is None is not asked for."""

    reference: Reference = Field(
        "teacher", description="incumbent: the model promoted now; the teacher where there is none"
    )
    metric: PolicyMetric = Field("auto", description="auto: the headline of the workload")
    margin: float = Field(
        0.25, gt=0, lt=1, description="How much lower than the reference a candidate may score"
    )
    confidence: float = Field(0.95, ge=0.8, lt=1, description="Of the two-sided interval")
    min_records: int = Field(100, ge=1, description="Fewer evaluation records decide nothing")
    floors: list[Floor] = Field(default_factory=list)
    max_seconds_p95: float | None = Field(None, gt=0, description="95 % of answers are faster")
    min_saving: float | None = Field(None, le=1, description="Share of the reference's cost")
    max_unparseable: float | None = Field(
        0.01, ge=0, le=1, description="Share of answers without a readable label"
    )
    max_unjudged: float | None = Field(
        0.05, ge=0, le=1, description="Share of answers that a judge gave no score, similarity only"
    )
    equal_cost: Decimal = Field(
        Decimal("0.01"),
        ge=0,
        le=1,
        description="Costs that differ by less than this share of the reference's are equal",
    )
    approval: ApprovalRule = ApprovalRule()

    def metric_of(self, workload_type: str) -> Metric:
        """What it goes by there. Raises SettingsError where such answers have no such score."""
        fitting = METRICS_OF[workload_type]
        if self.metric == "auto":
            return fitting[0]
        if self.metric not in fitting:
            raise SettingsError(
                f"The policy goes by {self.metric}, a score that answers of a {workload_type} "
                "workload do not have.",
                f"Set its metric to auto, or to one of: {', '.join(fitting)}.",
            )
        return self.metric

    def check_fits(self, workload_type: str) -> None:
        """Raises SettingsError where it asks for what such a workload does not have."""
        self.metric_of(workload_type)
        if self.floors and workload_type == "generic":
            raise SettingsError(
                "The policy has floors for classes, and a generic workload has no classes.",
                "Take its floors out.",
            )


class PolicyDocument(BaseModel):
    """A policy as it was written."""

    name: str = Field(description="The file's name")
    text: str = Field(description="The file, letter by letter")
    sha256: str = Field(description="Of the text in UTF-8, hex")

    def parsed(self) -> Policy:
        """What it says. Raises SettingsError."""
        return parse_policy(self.text, self.name)


def policy_document(text: str, name: str) -> PolicyDocument:
    """The document, checked. Raises SettingsError with one line per fault."""
    parse_policy(text, name)
    return PolicyDocument(name=name, text=text, sha256=sha256(text.encode()).hexdigest())


@lru_cache(maxsize=64)  # every look at a run asks what its policy says
def parse_policy(text: str, name: str) -> Policy:
    """What a policy file says; `name` is the file in messages. Raises SettingsError."""
    data = parse_settings(text, name)
    describer = Describer(Catalogue(Policy), f"in {name}", lambda _: None)
    problems = list(describer.switches(data))
    try:
        policy = Policy.model_validate(data)
    except ValidationError as error:
        problems += describer.validation(error)
    if problems:
        raise SettingsError("\n".join(dict.fromkeys(problems)))
    return policy

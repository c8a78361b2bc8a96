"""The scores of one model's tool calls on one evaluation set."""

from pydantic import BaseModel, Field

from flywheel.evaluation.interval import Interval


class ToolScore(BaseModel):
    """One row of the per-tool table."""

    tool: str
    support: int = Field(description="Expected calls of it")
    name_recall: float = Field(description="Share of these that were made, whatever the arguments")
    exact_recall: float = Field(description="Share of these that were made with equal arguments")
    answered: int | None = Field(None, description="Calls of it that were made, right or wrong")


class ToolCallScores(BaseModel):
    """What one model's tool calls are worth. A record may hold several calls, in any order."""

    n: int = Field(description="Evaluation records")
    function_name_accuracy: Interval = Field(
        description="Share of records whose calls name the same tools, each as often as expected"
    )
    function_name_and_args_accuracy: Interval = Field(
        description="Share of records whose calls are the expected ones, with equal arguments"
    )
    unparseable: int = Field(
        description="Records with an answer that is no list of calls, a call without a name, or "
        "arguments that are no JSON object"
    )
    expected_calls: int
    answered_calls: int
    missing_calls: int = Field(description="Expected, but that tool was not called as often")
    extra_calls: int = Field(description="Made, but that tool was not expected as often")
    valid_arguments: float | None = Field(
        description="Share of the calls that name a tool of the request and satisfy its JSON "
        "Schema, of all that could be checked; None where there were none"
    )
    checked_calls: int = Field(description="Of `answered_calls`; the others met a broken schema")
    unknown_tools: int = Field(description="Checked calls of a tool that the request has not")
    unreadable_calls: int = Field(
        description="Checked calls without a name, or whose arguments are no JSON object"
    )
    schema_violations: int = Field(description="Checked calls that the tool's schema refuses")
    broken_schemas: int = Field(description="Different schemas in requests that are no JSON Schema")
    per_tool: list[ToolScore] = Field(description="Most frequently expected first")

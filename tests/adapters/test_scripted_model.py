"""The tests' own model server: what it refuses fails the test, so that it cannot be sloppy."""

from typing import Any

import httpx
import pytest

from tests.support.scripted_model import KEY, MODEL, ScriptedModel, scripted_model
from tests.support.scripted_turns import say

USER = {"role": "user", "content": "Well?"}
CALL = {"id": "c1", "type": "function", "function": {"name": "find", "arguments": "{}"}}
CALLS = {"role": "assistant", "tool_calls": [CALL]}
RESULT = {"role": "tool", "content": "r-1", "tool_call_id": "c1"}


def tool(**changes: Any) -> dict[str, Any]:
    function = {"name": "find", "parameters": {"type": "object", "properties": {}}}
    return {"type": "function", "function": {**function, **changes}}


def post(server: ScriptedModel, **body: Any) -> int:
    response = httpx.post(
        f"{server.url}/chat/completions",
        json={"model": MODEL, "messages": [USER], **body},
        headers={"Authorization": f"Bearer {KEY}"},
        trust_env=False,
    )
    return response.status_code


BROKEN: dict[str, dict[str, Any]] = {
    "Extra inputs are not permitted": {"mesages": []},
    "at least 1 item": {"messages": []},
    "does not match any of the expected tags": {"messages": [{"role": "robot", "content": "x"}]},
    "needs content or tool_calls": {"messages": [USER, {"role": "assistant"}, USER]},
    "tool call c1 has no result": {"messages": [USER, CALLS, USER]},
    "answers no tool call": {"messages": [USER, RESULT]},
    "nobody asks": {"messages": [USER, CALLS]},
    "no JSON Schema": {"tools": [tool(parameters={"type": "objekt"})]},
    "must be an object": {"tools": [tool(parameters={"type": "string"})]},
    "should match pattern": {"tools": [tool(name="find runs")]},
    "have the same name": {"tools": [tool(), tool()]},
    "only allowed with tools": {"tool_choice": "auto"},
    "only allowed with stream": {"stream_options": {"include_usage": True}},
    "valid string": {"messages": [{"role": "user", "content": 7}]},
    "less than or equal to 2": {"temperature": 3},
}


def test_a_broken_request_is_refused_and_fails_the_test() -> None:
    def play() -> None:
        with scripted_model() as server:
            server.play(say("Yes."))
            whole = {"tools": [tool()], "messages": [USER, CALLS, RESULT], "tool_choice": "auto"}
            assert post(server, **whole) == 200
            assert post(server, **whole) == 400, "the script is over"
            assert [post(server, **body) for body in BROKEN.values()] == [400] * len(BROKEN)
            for said, fault in zip(server.faults, ["script is over", *BROKEN], strict=True):
                assert fault in said

    with pytest.raises(AssertionError, match=r"^The script is over") as caught:
        play()
    assert "nobody asks" in str(caught.value)


def test_a_script_that_fails_fails_the_test() -> None:
    def play() -> None:
        with scripted_model() as server:
            server.play(lambda asked: say(asked.results[0]))
            assert post(server) == 400

    with pytest.raises(AssertionError, match=r"^The script has failed: IndexError"):
        play()

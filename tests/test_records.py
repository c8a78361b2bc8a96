"""Reading a record: what real traffic looks like is accepted, what is wrong is named."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flywheel.records import (
    Record,
    RecordError,
    content_text,
    parse_record,
    reason_class,
    record_id,
)
from tests.support.records import answer, call_record, record, tool_call


def parsed(value: dict[str, Any]) -> Record:
    return parse_record(orjson.dumps(value))


def fault(value: Any) -> str:
    with pytest.raises(RecordError) as caught:
        parse_record(value if isinstance(value, bytes) else orjson.dumps(value))
    return str(caught.value)


def changed(*path_and_value: Any) -> dict[str, Any]:
    """A good record with one value replaced."""
    *path, last, value = path_and_value
    made = record()
    place: Any = made
    for key in path:
        place = place[key]
    place[last] = value
    return made


# --- what production sends --------------------------------------------------------------------

WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Weather of a place",
        "strict": True,
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
            "required": ["city"],
        },
    },
}

OPENAI = {
    "timestamp": 1760000000.25,
    "workload_id": "agent.weather",
    "client_id": "app-7",
    "trace_id": "not ours",
    "latency_seconds": 0.8,
    "request": {
        "model": "gpt-4o-2024-08-06",
        "messages": [
            {"role": "developer", "content": "Be short."},
            {
                "role": "user",
                "name": "ada",
                "content": [
                    {"type": "text", "text": "What is the weather here?"},
                    {
                        "type": "image_url",
                        "image_url": {"url": "data:image/png;base64,AA", "detail": "low"},
                    },
                ],
            },
            {"role": "assistant", "content": None, "tool_calls": [tool_call("locate")]},
            {"role": "tool", "tool_call_id": "c1", "content": "Bergen"},
        ],
        "tools": [WEATHER],
        "tool_choice": {"type": "function", "function": {"name": "get_weather"}},
        "parallel_tool_calls": False,
        "response_format": {"type": "json_object"},
        "temperature": 0,
        "stop": None,
        "stream": False,
    },
    "response": {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1760000000,
        "model": "gpt-4o-2024-08-06",
        "system_fingerprint": "fp_1",
        "service_tier": "default",
        "choices": [
            {
                "index": 0,
                "logprobs": None,
                "finish_reason": "tool_calls",
                "message": {
                    "role": "assistant",
                    "content": None,
                    "refusal": None,
                    "annotations": [],
                    "tool_calls": [tool_call("get_weather", '{"city": "Bergen", "days": 2}')],
                },
            }
        ],
        "usage": {
            "prompt_tokens": 91,
            "completion_tokens": 17,
            "total_tokens": 108,
            "prompt_tokens_details": {"cached_tokens": 64, "audio_tokens": 0},
            "completion_tokens_details": {"reasoning_tokens": 0},
        },
    },
}


def test_a_real_exchange_with_tools_parts_and_unknown_keys() -> None:
    read = parsed(OPENAI)

    assert (read.timestamp, read.latency_seconds) == (1760000000.25, 0.8)
    messages = read.request.messages
    assert [m.role for m in messages] == ["developer", "user", "assistant", "tool"]
    assert content_text(messages[1].content) == "What is the weather here?"
    assert [call.function.name for call in read.answer.tool_calls or []] == ["get_weather"]
    assert read.answer.content is None
    assert read.response.usage is not None
    assert (read.response.usage.prompt_tokens, read.response.usage.completion_tokens) == (91, 17)


def test_no_key_is_lost_on_the_way_through_the_models() -> None:
    assert parsed(OPENAI).model_dump(exclude_unset=True) == OPENAI


@pytest.mark.parametrize(
    "response",
    [
        {**answer("[[[A]]]"), "usage": None},
        {**answer("[[[A]]]"), "model": None},
        answer([{"type": "text", "text": "[[[A]]]"}]),  # type: ignore[arg-type] - as some send it
        answer("", tool_calls=[tool_call("f")]),
        answer(None, tool_calls=[{**tool_call("f"), "index": 0}]),
        {"choices": [*answer("[[[A]]]")["choices"], *answer("[[[B]]]")["choices"]]},
    ],
)
def test_variants_of_answers(response: dict[str, Any]) -> None:
    assert parsed(changed("response", response)).answer.role == "assistant"


def test_arguments_may_be_an_object_already() -> None:
    made = call_record("x", "search")
    made["response"]["choices"][0]["message"]["tool_calls"][0]["function"]["arguments"] = {"q": 1}
    calls = parsed(made).answer.tool_calls or []
    assert calls[0].function.arguments == {"q": 1}


# --- what is wrong, in words ------------------------------------------------------------------

SECONDS = "timestamp must be a number of epoch seconds"


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (1735689600123, f"{SECONDS} (these look like milliseconds), not 1735689600123"),
        (1735689600123456, f"{SECONDS} (these look like microseconds), not 1735689600123456"),
        (10**18, f"{SECONDS} (these look like nanoseconds), not 1000000000000000000"),
        ("2025-01-01T00:00:00Z", f'{SECONDS} (this is text), not "2025-01-01T00:00:00Z"'),
        ("1735689600", f'{SECONDS} (this is text), not "1735689600"'),
        (None, f"{SECONDS} between the years 2000 and 2100, not null"),
        (True, f"{SECONDS} between the years 2000 and 2100, not true"),
        (17, f"{SECONDS} between the years 2000 and 2100, not 17"),
        (-1.5, f"{SECONDS} between the years 2000 and 2100, not -1.5"),
        ({"seconds": 1}, f"{SECONDS} between the years 2000 and 2100, not an object"),
    ],
)
def test_timestamps_that_are_no_epoch_seconds(value: Any, said: str) -> None:
    assert fault(changed("timestamp", value)) == said


@pytest.mark.parametrize("key", ["timestamp", "workload_id", "client_id", "request", "response"])
def test_a_missing_key(key: str) -> None:
    made = record()
    del made[key]
    assert fault(made) == f"{key} is missing"


ROLES = "'system', 'developer', 'user', 'assistant', 'tool' or 'function'"


@pytest.mark.parametrize(
    ("path_and_value", "said"),
    [
        (("workload_id", ""), "workload_id is empty"),
        (("client_id", 7), "client_id must be text, not 7"),
        (("request", "hello"), 'request must be an object, not "hello"'),
        (("request", "messages", []), "request.messages is empty"),
        (("request", "messages", "hi"), 'request.messages must be a list, not "hi"'),
        (
            ("request", "messages", 0, "role", "bot"),
            f'request.messages.0.role must be {ROLES}, not "bot"',
        ),
        (
            ("request", "messages", 0, "content", 5),
            "request.messages.0.content must be text, a list of parts, or null, not 5",
        ),
        (("response", None), "response must be an object, not null"),
        (("response", {"error": {"message": "rate limit"}}), "response.choices is missing"),
        (("response", "choices", []), "response.choices is empty"),
        (
            ("response", answer(None)),
            "response.choices.message has neither content nor tool calls",
        ),
        (("response", answer("", tool_calls=[])), "response.choices.message has neither content"),
        (
            ("response", answer(None, tool_calls=[{"type": "function"}])),
            "response.choices.0.message.tool_calls.0.function is missing",
        ),
        (
            ("response", "usage", {"prompt_tokens": "many"}),
            'response.usage.prompt_tokens must be a whole number, not "many"',
        ),
        (("latency_seconds", "fast"), 'latency_seconds must be a number, not "fast"'),
        (("latency_seconds", -1), "latency_seconds must be at least 0.0, not -1"),
    ],
)
def test_a_wrong_value_is_named(path_and_value: tuple[Any, ...], said: str) -> None:
    assert fault(changed(*path_and_value)).startswith(said)


@pytest.mark.parametrize("line", [b"[1, 2]", b'"text"', b"7"])
def test_a_line_that_is_no_object(line: bytes) -> None:
    assert fault(line).startswith("the line must be an object, not ")


@pytest.mark.parametrize("line", [b"{", b"", b"{'a': 1}", b"\x00\x01"])
def test_a_line_that_is_no_json(line: bytes) -> None:
    assert fault(line).startswith("it is not valid JSON: ")


def test_a_long_value_is_shown_in_part() -> None:
    said = fault(changed("timestamp", "x" * 5000))
    assert len(said) < 120
    assert said.endswith("…")


def test_a_number_too_large_for_a_machine_word() -> None:
    line = orjson.dumps(record()).replace(b"1760000000", b"1" * 40)
    assert fault(line).startswith(SECONDS)


def test_reasons_are_counted_without_what_was_found() -> None:
    one = fault(changed("request", "messages", 0, "role", "bot"))
    made = record()
    made["request"]["messages"] *= 12
    made["request"]["messages"][11] = {"role": "robot", "content": ""}
    assert (
        reason_class(one) == reason_class(fault(made)) == f"request.messages.role must be {ROLES}"
    )
    assert reason_class(fault(changed("latency_seconds", -1))).endswith("at least 0.0")


# --- identity ---------------------------------------------------------------------------------

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(), VALUES, max_size=5))
def test_the_id_knows_no_order_and_survives_json(value: dict[str, Any]) -> None:
    backwards = dict(reversed(list(value.items())))
    assert record_id(backwards) == record_id(value)
    assert record_id(orjson.loads(orjson.dumps(value))) == record_id(value)


def test_another_content_is_another_id() -> None:
    ids = {
        record_id(made)
        for made in (record(), record(number=1), record("x"), changed("client_id", "other"))
    }
    assert len(ids) == 4
    assert {len(one) for one in ids} == {32}

"""Every call of the client, answered by the real server."""

import uuid

import pytest

from flywheel.adapters.nemo_platform.client import NemoPlatformClient
from flywheel.adapters.nemo_platform.transport import Transport
from flywheel.errors import InvalidInputError, NotFoundError
from flywheel.settings import NemoPlatformConfig


def unique(name: str) -> str:
    """A name that no other test uses."""
    return f"{name}-{uuid.uuid4().hex[:8]}"


async def test_the_server_says_what_it_is(client: NemoPlatformClient) -> None:
    assert await client.version() == "0.6.0"
    assert {"students", "unsloth", "automodel"} <= set(await client.backends())


async def test_creating_twice_adopts_and_deleting_twice_is_fine(client: NemoPlatformClient) -> None:
    await client.create_workspace()
    body = {"name": unique("data"), "purpose": "dataset"}
    assert [await client.create("filesets", body) for _ in range(2)] == [True, False]
    assert body["name"] in await client.names("filesets")
    for _ in range(2):
        await client.delete("filesets", body["name"])
    assert body["name"] not in await client.names("filesets")


async def test_a_file_comes_back_as_it_went(client: NemoPlatformClient) -> None:
    name, content = unique("data"), b'{"text": "\xc3\xa4"}\n' * 50_000
    await client.create("filesets", {"name": name})
    for _ in range(2):
        assert (
            await client.upload(name, "a/b c.jsonl", content)
            == f"{client.workspace}/{name}#a/b c.jsonl"
        )
    assert [(f.path, f.size) for f in await client.files(name)] == [("a/b c.jsonl", len(content))]
    async with client.download(name, "a/b c.jsonl") as pieces:
        assert b"".join([piece async for piece in pieces]) == content
    with pytest.raises(NotFoundError):
        async with client.download(name, "other"):
            pass
    await client.delete("filesets", name)
    with pytest.raises(NotFoundError, match="not found"):
        await client.files(name)


async def test_lists_go_on_to_their_last_page(config: NemoPlatformConfig) -> None:
    client = NemoPlatformClient(Transport(config, None), config.workspace, page_size=2)
    await client.create_workspace()
    names = {unique("many") for _ in range(5)}
    for name in names:
        await client.create("filesets", {"name": name})
    assert names <= set(await client.names("filesets"))
    for name in names:
        await client.delete("filesets", name)
    await client.close()


async def test_what_the_server_refuses_is_one_sentence(client: NemoPlatformClient) -> None:
    with pytest.raises(InvalidInputError) as refused:
        await client.create("filesets", {"name": "Not A Name"})
    assert "422 to POST" in refused.value.message
    assert "body.name String should match pattern" in refused.value.message
    assert "\n" not in refused.value.message


async def test_what_is_not_there(client: NemoPlatformClient) -> None:
    assert await client.job("students", "nobody") is None
    assert await client.provider("nobody") is None
    assert await client.deployment("nobody") is None
    await client.cancel("students", "nobody")
    await client.delete_job("evaluate", "nobody")
    await client.delete_evaluation_result("nobody")
    with pytest.raises(NotFoundError):
        await client.row_scores("nobody")


async def test_a_deployment_is_refused_where_nothing_runs_containers(
    client: NemoPlatformClient,
) -> None:
    config = {
        "name": unique("serve"),
        "engine": "nim",
        "model_entity_id": f"{client.workspace}/base",
        "model_spec": {"model_type": "llm", "lora_enabled": True},
        "executor_config": {"gpu": 1, "image_name": "nvcr.io/nim/base", "image_tag": "1"},
    }
    assert await client.create("deployment-configs", config)
    with pytest.raises(InvalidInputError, match="runtime is set to 'none'"):
        await client.create("deployments", {"name": config["name"], "config": config["name"]})

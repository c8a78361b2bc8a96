"""The part of Slack's Web API that the app uses, over HTTP on this machine."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qsl

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from bot.console.elements import Json
from bot.console.refusal import SlackRefusal
from bot.console.workspace import APP_USER, TEAM, Posted, Workspace
from bot.scopes import wanted
from flywheel.http_server import http_server

_PAGE = 200


@asynccontextmanager
async def serve_workspace(workspace: Workspace) -> AsyncIterator[str]:
    """Answer the Web API for a workspace while the block runs; yields its base URL."""
    async with http_server(web_api(workspace), "127.0.0.1", 0) as url:
        yield url


def as_slack_sends(message: Posted) -> Json:
    """A message as the Web API returns it."""
    sent: Json = {
        "type": "message",
        "ts": message.ts,
        "user": message.user,
        "text": message.text,
        "blocks": message.blocks,
    }
    if message.thread_ts is not None:
        sent["thread_ts"] = message.thread_ts
    if message.files:
        sent["files"] = message.files
    if message.user == APP_USER:
        sent["bot_id"] = "B0FLYWHEEL1"
    return sent


def web_api(workspace: Workspace) -> Starlette:
    """The Web API and the response_urls of a workspace."""

    async def call(request: Request) -> Response:
        answer: Json
        try:
            arguments = await _arguments(request)
            _authenticate(request, arguments, workspace.token)
            method = _METHODS.get(request.path_params["method"], _unknown)
            scopes = {"x-oauth-scopes": ",".join(workspace.scopes or wanted())}
            answer = {"ok": True, **method(workspace, arguments)}
            if (place := answer.get("upload_url")) is not None:
                answer["upload_url"] = f"{request.base_url}{place}"
            return JSONResponse(answer, headers=scopes)
        except SlackRefusal as refusal:
            answer = {"ok": False, "error": refusal.code}
            if refusal.details:
                answer["response_metadata"] = {"messages": refusal.details}
            return JSONResponse(answer)

    async def respond(request: Request) -> Response:
        try:
            workspace.respond(request.path_params["token"], await request.json())
        except SlackRefusal as refusal:
            return JSONResponse({"ok": False, "error": refusal.code}, status_code=404)
        return PlainTextResponse("ok")

    async def upload(request: Request) -> Response:
        known = await workspace.uploads.receive(request.path_params["file"], await request.body())
        return PlainTextResponse("OK" if known else "no such file", 200 if known else 404)

    return Starlette(
        routes=[
            Route("/upload/{file}", upload, methods=["POST"]),
            Route("/api/{method}", call, methods=["GET", "POST"]),
            Route("/response/{token}", respond, methods=["POST"]),
        ]
    )


async def _arguments(request: Request) -> Json:
    """From the query, a form or JSON, as Slack takes them."""
    arguments: Json = dict(request.query_params)
    body = await request.body()
    if request.headers.get("content-type", "").startswith("application/json"):
        arguments.update(json.loads(body or b"{}"))
    else:
        arguments.update(parse_qsl(body.decode()))
    for key in ("blocks", "view", "files"):
        if isinstance(arguments.get(key), str):
            arguments[key] = json.loads(arguments[key])
    return arguments


def _authenticate(request: Request, arguments: Json, token: str) -> None:
    header = request.headers.get("authorization", "")
    given = header.removeprefix("Bearer ") if header else arguments.get("token", "")
    if not given:
        raise SlackRefusal("not_authed")
    if given != token:
        raise SlackRefusal("invalid_auth")


def _need(arguments: Json, key: str) -> Any:
    if key not in arguments:
        raise SlackRefusal("invalid_arguments", f"missing required field: {key}")
    return arguments[key]


def _unknown(_workspace: Workspace, _arguments: Json) -> Json:
    raise SlackRefusal("unknown_method")


def _auth_test(workspace: Workspace, _arguments: Json) -> Json:
    return {
        "url": "http://127.0.0.1/",
        "team": "console",
        "team_id": TEAM,
        "user": workspace.users[APP_USER],
        "user_id": APP_USER,
        "bot_id": "B0FLYWHEEL1",
    }


def _post_message(workspace: Workspace, arguments: Json) -> Json:
    channel = _need(arguments, "channel")
    if channel in workspace.users:  # a message to a person goes where they read theirs
        channel = workspace.direct_channel(channel)
    message = workspace.post(
        channel,
        arguments.get("text", ""),
        arguments.get("blocks", []),
        thread_ts=arguments.get("thread_ts"),
        broadcast=bool(arguments.get("reply_broadcast")),
    )
    return {"channel": message.channel, "ts": message.ts, "message": as_slack_sends(message)}


def _post_ephemeral(workspace: Workspace, arguments: Json) -> Json:
    message = workspace.post(
        _need(arguments, "channel"),
        arguments.get("text", ""),
        arguments.get("blocks", []),
        thread_ts=arguments.get("thread_ts"),
        only_for=_need(arguments, "user"),
    )
    return {"message_ts": message.ts}


def _update(workspace: Workspace, arguments: Json) -> Json:
    message = workspace.edit(
        _need(arguments, "channel"),
        _need(arguments, "ts"),
        arguments.get("text", ""),
        arguments.get("blocks", []),
    )
    return {"channel": message.channel, "ts": message.ts, "text": message.text}


def _permalink(workspace: Workspace, arguments: Json) -> Json:
    message = workspace.find(_need(arguments, "channel"), _need(arguments, "message_ts"))
    name = f"p{message.ts.replace('.', '')}"
    return {
        "channel": message.channel,
        "permalink": f"https://console.invalid/archives/{message.channel}/{name}",
    }


def _replies(workspace: Workspace, arguments: Json) -> Json:
    thread = workspace.thread(_need(arguments, "channel"), _need(arguments, "ts"))
    return _page(thread, arguments)


def _history(workspace: Workspace, arguments: Json) -> Json:
    oldest = float(arguments.get("oldest") or 0)
    return _page(workspace.history(_need(arguments, "channel"), oldest), arguments)


def _page(messages: list[Posted], arguments: Json) -> Json:
    start = int(arguments.get("cursor") or 0)
    end = start + min(int(arguments.get("limit") or _PAGE), _PAGE)
    more = str(end) if end < len(messages) else ""
    return {
        "messages": [as_slack_sends(m) for m in messages[start:end]],
        "has_more": bool(more),
        "response_metadata": {"next_cursor": more},
    }


def _views_open(workspace: Workspace, arguments: Json) -> Json:
    opened = workspace.open_view(_need(arguments, "trigger_id"), _need(arguments, "view"))
    return {"view": {**opened.view, "id": opened.id, "hash": opened.hash}}


def _views_update(workspace: Workspace, arguments: Json) -> Json:
    view_id, view = _need(arguments, "view_id"), _need(arguments, "view")
    opened = workspace.update_view(view_id, arguments.get("hash"), view)
    return {"view": {**opened.view, "id": opened.id, "hash": opened.hash}}


def _views_publish(workspace: Workspace, arguments: Json) -> Json:
    tab = workspace.publish_home(_need(arguments, "user_id"), _need(arguments, "view"))
    return {"view": {**tab.view, "id": tab.id, "hash": tab.hash}}


def _upload_url(workspace: Workspace, arguments: Json) -> Json:
    if "files:write" not in (workspace.scopes or wanted()):
        raise SlackRefusal("missing_scope")
    file_id = workspace.uploads.announce(
        _need(arguments, "filename"),
        int(_need(arguments, "length")),
        arguments.get("alt_txt") or "",
    )
    return {"upload_url": f"upload/{file_id}", "file_id": file_id}


def _complete_upload(workspace: Workspace, arguments: Json) -> Json:
    files = workspace.share(
        _need(arguments, "channel_id"), arguments.get("thread_ts"), _need(arguments, "files")
    )
    return {"files": files}


def _users_info(workspace: Workspace, arguments: Json) -> Json:
    user = _need(arguments, "user")
    if user not in workspace.users:
        raise SlackRefusal("user_not_found")
    return {
        "user": {
            "id": user,
            "team_id": TEAM,
            "name": workspace.users[user],
            "deleted": False,
            "is_bot": user == APP_USER,
            "is_restricted": False,
            "is_ultra_restricted": False,
            **workspace.accounts.get(user, {}),
        }
    }


def _group_members(workspace: Workspace, arguments: Json) -> Json:
    group = _need(arguments, "usergroup")
    if group not in workspace.groups:
        raise SlackRefusal("no_such_subteam")
    return {"users": workspace.groups[group]}


def _conversations_info(workspace: Workspace, arguments: Json) -> Json:
    channel = _need(arguments, "channel")
    if channel != workspace.channel and channel not in workspace.direct:
        raise SlackRefusal("channel_not_found")
    if channel in workspace.direct:
        return {"channel": {"id": channel, "is_im": True}}
    private = not workspace.public
    return {"channel": {"id": channel, "is_ext_shared": workspace.shared, "is_private": private}}


def _members(workspace: Workspace, arguments: Json) -> Json:
    channel = _need(arguments, "channel")
    if channel != workspace.channel:
        raise SlackRefusal("channel_not_found")
    members = list(workspace.users)
    start = int(arguments.get("cursor") or 0)
    end = start + min(int(arguments.get("limit") or _PAGE), _PAGE)
    more = str(end) if end < len(members) else ""
    return {"members": members[start:end], "response_metadata": {"next_cursor": more}}


_METHODS: dict[str, Callable[[Workspace, Json], Json]] = {
    "files.getUploadURLExternal": _upload_url,
    "files.completeUploadExternal": _complete_upload,
    "auth.test": _auth_test,
    "chat.postMessage": _post_message,
    "chat.postEphemeral": _post_ephemeral,
    "chat.update": _update,
    "chat.getPermalink": _permalink,
    "conversations.replies": _replies,
    "conversations.history": _history,
    "conversations.info": _conversations_info,
    "conversations.members": _members,
    "usergroups.users.list": _group_members,
    "users.info": _users_info,
    "views.open": _views_open,
    "views.update": _views_update,
    "views.publish": _views_publish,
}

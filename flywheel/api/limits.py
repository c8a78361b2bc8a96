"""How large a request may be."""

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from flywheel.api.errors import refusal

MAX_BODY = 256 * 1024  # bytes; the longest real request is a question in words


class BodyLimit:
    """Reads a body before the application does, and no further than the limit."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer 413."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        announced = Headers(scope=scope).get("content-length", "")
        too_large = announced.isdecimal() and int(announced) > MAX_BODY
        body = bytearray()
        more = not too_large
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            body += message.get("body", b"")
            too_large = len(body) > MAX_BODY
            more = message.get("more_body", False) and not too_large
        if too_large:
            answer = refusal(413, f"The body is larger than {MAX_BODY // 1024} KiB.")
            await answer(scope, receive, send)
            return
        read: list[Message] = [{"type": "http.request", "body": bytes(body), "more_body": False}]

        async def again() -> Message:
            return read.pop() if read else await receive()

        await self._app(scope, again, send)

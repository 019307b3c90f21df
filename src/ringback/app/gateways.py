"""Where gateways of the kind `http` post messages and delivery reports: `/carriers/NAME/messages` and `…/receipts`.

`ringback.messaging.carriers.http` checks the signatures and does the rest.
"""

from collections.abc import Callable
from urllib.parse import unquote

from starlette.datastructures import Headers

from ringback.messaging.carriers.contract import Carrier
from ringback.messaging.carriers.http import MOST_BODY, HttpCarrier
from ringback.rest.front import Receive, Scope, Send

PREFIX = "/carriers"


class Gateways:
    """An ASGI application."""

    def __init__(self, find: Callable[[str], Carrier | None]) -> None:
        """`find` returns a carrier by its name."""
        self._find = find

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        status, text = await self._answer(scope, receive)
        body = text.encode("utf-8", "replace")
        headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def _answer(self, scope: Scope, receive: Receive) -> tuple[int, str]:
        _, _, rest = str(scope["path"]).partition(f"{PREFIX}/")
        name, _, what = rest.partition("/")
        carrier = self._find(unquote(name))
        if not isinstance(carrier, HttpCarrier) or what not in ("messages", "receipts"):
            return 404, "there is no such carrier, or nothing of that name to post to"
        if scope["method"] != "POST":
            return 405, "POST is what is taken here"
        body = b""
        more = True
        while more:
            message = await receive()
            if message["type"] != "http.request":
                return 400, "the request broke off"
            body += message.get("body", b"")
            more = message.get("more_body", False)
            if len(body) > MOST_BODY:
                return 413, f"{MOST_BODY} bytes are the limit"
        take = carrier.arrived if what == "messages" else carrier.reported
        return await take(body, Headers(scope=scope))

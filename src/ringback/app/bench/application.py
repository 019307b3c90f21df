"""The benchmark's application: two documents, and for each call the time that was spent in making them.

python -m ringback.app.bench.application PORT
"""

import sys
import time

from aiohttp import web

GREETING = "Please press a key."
ANSWER = "Thank you. You have pressed a key."
_FIRST = f'<Response><Gather action="/next" numDigits="1" timeout="30"><Say>{GREETING}</Say></Gather></Response>'
_NEXT = f"<Response><Say>{ANSWER}</Say><Hangup/></Response>"


def application() -> web.Application:
    """`/` and `/next` are the documents; `/spent` tells the seconds each took, by CallSid."""
    spent: dict[str, dict[str, float]] = {}

    def page(document: str) -> web.Response:
        return web.Response(text=document, content_type="text/xml")

    async def document(request: web.Request) -> web.Response:
        began = time.perf_counter()
        form = await request.post()
        answer = page(_NEXT if request.path == "/next" else _FIRST)
        spent.setdefault(str(form["CallSid"]), {})[request.path] = time.perf_counter() - began
        return answer

    async def report(request: web.Request) -> web.Response:
        return web.json_response(spent)

    made = web.Application()
    made.add_routes([web.post("/", document), web.post("/next", document), web.get("/spent", report)])
    return made


if __name__ == "__main__":
    web.run_app(application(), host="127.0.0.1", port=int(sys.argv[1]), print=None)

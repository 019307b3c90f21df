"""The page of operations in the documentation: `python -m ringback.rest.reference > docs/reference/rest.md`."""

from collections.abc import Iterable, Iterator
from typing import Final

from ringback.model.status import ApiVersion
from ringback.rest.operations import Operation
from ringback.rest.versions import TABLES

_HEAD: Final = """<!-- Made by `python -m ringback.rest.reference > docs/reference/rest.md`. A test keeps it so. -->

# REST API

Ringback answers two versions of the API side by side, at the address of [`http.host` and `http.port`](settings.md):
`/2008-08-01` and `/2010-04-01`. Whatever runs shows itself at `/docs`, and as an OpenAPI description at `/openapi.json`
(and `/openapi/2008-08-01.json`), with every parameter and field. [How to use an SDK](../how-to/sdks.md).

| | 2010-04-01 | 2008-08-01 |
|---|---|---|
| Formats | `.json`, `.xml`, `.csv`; without a suffix XML | the same and `.html` |
| Changes | POST | POST, PUT, or POST with `?_method=PUT` or `?_method=DELETE` |
| Pages | `PageSize` (50, at most 1000), `Page`, `PageToken`; no totals | `num` (50, at most 1000), `page`; totals |
| Order | made last first | changed last first |
| `StartTime<=2024-01-31` | the whole of that day too | until its midnight |
| Numbers | E.164 | ten digits in North America |
| Status of a call | a word | 0 not yet, 1 in progress, 2 complete, 3 busy, 4 failed, 5 no answer |
| Audio of recordings | needs credentials (`http.recordings_need_credentials`) | for everybody who knows the URL |

Credentials go by HTTP Basic: the sid of an account and its Auth Token, or that of an API key and its secret. Those of a
parent work on its subaccounts. An API key may not see accounts or keys. Wrong ones get status 401 and are logged; who
guesses is refused with 429 for a while. A parameter that means nothing is ignored, and told to the account by a
notification (20001). Requests beyond `http.max_concurrent` and `http.requests_per_second` get 429 (20429).

Where the published sources disagree, Ringback answers so: a call that is made gets status 201 in both versions; `Url`
counts where `Twiml` is there too (with notification 32019); a message without content is 21602; the capabilities of
numbers are in small letters; a recording without a suffix is WAV, or its metadata where `Accept` asks for JSON or XML.

A short code is a number like any other, of five or six digits: it is added as one, and `SMS/ShortCodes` shows it again
under the sid of that number with `SC` in place of `PN`.
"""

_MISSING: Final = (
    ("Addresses, DependentPhoneNumbers", "no number needs one here"),
    ("ConnectApps, AuthorizedConnectApps", "there is no marketplace"),
    ("Calls/…/Payments", "no payments"),
    ("Calls/…/Streams, Siprec, Transcriptions (real time)", "by TwiML only"),
    ("Calls/…/UserDefinedMessages, UserDefinedMessageSubscriptions", "of the vendor's browser SDK"),
    ("IncomingPhoneNumbers/…/AssignedAddOns, Recordings/…/AddOnResults", "there are no add-ons"),
    ("Tokens", "there is no TURN server"),
    ("Usage/Triggers", "not yet"),
)


def render() -> str:
    """Return the page, in Markdown."""
    return "\n".join(_lines())


def _lines() -> Iterator[str]:
    yield _HEAD
    for version in reversed(list(ApiVersion)):
        yield f"## {version.value}\n"
        yield "| Path below `/" + version.value + "` | Operations |\n|---|---|"
        for path, operations in _by_path(TABLES[version]):
            methods = ", ".join(f"{operation.method} {operation.name}" for operation in operations)
            yield f"| `{path}` | {methods} |"
        yield ""
    yield "## Not there\n"
    yield "Of 2010-04-01. Requests for them get 404.\n"
    yield "| | |\n|---|---|"
    for name, why in _MISSING:
        yield f"| {name} | {why} |"
    yield ""


def _by_path(operations: Iterable[Operation]) -> list[tuple[str, list[Operation]]]:
    found: dict[str, list[Operation]] = {}
    for operation in operations:
        found.setdefault(operation.path, []).append(operation)
    return sorted(found.items())


if __name__ == "__main__":
    print(render(), end="")

"""Short ways to read a document and to make a call to it, for the tests of the language."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ringback.model import events
from ringback.model.errors import ApplicationError
from ringback.model.status import ApiVersion
from ringback.testing.clock import run
from ringback.testing.fake_application import FakeApplication
from ringback.testing.fake_call import FakeCall, HangUp, Press, call_info
from ringback.twiml.document import Document, read_document
from ringback.twiml.interpreter import SessionEnd
from ringback.twiml.services import Fetch

V2008, V2010 = ApiVersion.V2008, ApiVersion.V2010
BOTH = (V2008, V2010)
URL = "http://app.example/voice/start"


def read(inside: str, version: ApiVersion = V2010) -> Document:
    """Read what stands inside Response."""
    return read_document(f"<Response>{inside}</Response>".encode(), "text/xml", version)


def verb(inside: str, version: ApiVersion = V2010) -> Any:
    """Read a document of one verb."""
    (only,) = read(inside, version).verbs
    return only


def codes(inside: str, version: ApiVersion = V2010) -> list[int]:
    """The warnings about what stands inside Response."""
    return [warning.code for warning in read(inside, version).warnings]


@dataclass(frozen=True)
class Taken:
    """A call that is over."""

    call: FakeCall
    application: FakeApplication
    end: SessionEnd

    @property
    def heard(self) -> list[str]:
        return self.application.heard(self.call)

    @property
    def times(self) -> list[tuple[float, float]]:
        """When each clip began and stopped."""
        return [(round(played.start, 3), round(played.stop or 0, 3)) for played in self.call.played]

    @property
    def requests(self) -> list[tuple[str, str, dict[str, str]]]:
        """What the application was asked after the first request."""
        return [(asked.method, asked.url, dict(asked.parameters)) for asked in self.application.requests[1:]]

    def codes(self, kind: str = events.WARNING) -> list[int]:
        return [note["code"] for note in self.call.notes(kind)]

    def results(self) -> list[tuple[str, str]]:
        return [(note["verb"], note["result"]) for note in self.call.notes(events.VERB_END)]


def take(
    inside: str,
    script: Sequence[Press | HangUp] = (),
    version: ApiVersion = V2010,
    *,
    pages: Mapping[str, Any] | None = None,
    audio: Mapping[str, float | Exception] | None = None,
    fallback_url: str | None = None,
    mute: ApplicationError | None = None,
    first: Callable[[Fetch], Any] | None = None,
    **timing: float,
) -> Taken:
    """Call an application whose first document has this inside Response. Other pages are `nothing` and hang up."""
    known: dict[str, Any] = {URL: f"<Response>{inside}</Response>", **(pages or {})}
    if first is not None:
        known[URL] = first
    application = FakeApplication(known, audio, **timing)
    application.mute = mute
    call = FakeCall(script, call_info(version))
    return Taken(call, application, run(application.take(call, URL, fallback_url=fallback_url)))

"""What requests to an application leave in the timeline of a call (`ringback.model.events`)."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from ringback.model.events import WARNING, WEBHOOK_REQUEST, WEBHOOK_RESPONSE
from ringback.webhooks.exchange import Kept
from ringback.webhooks.failures import FetchError

SHOWN = 2000
"""Characters of an answer that the timeline keeps."""

_MAX_HEADERS = 50


class Note(Protocol):
    """Takes an event; `Call.note` is one. It neither blocks nor raises."""

    def __call__(self, kind: str, /, **data: Any) -> None: ...


def silent(kind: str, /, **data: Any) -> None:
    """A Note that keeps nothing."""


class Timeline:
    """Notes each request of a fetch with what came of it: redirects, logins and retries are requests of their own."""

    def __init__(self, note: Note, clock: Callable[[], float], token: str) -> None:
        """`clock` gives seconds; `token` names the fetch, and with a number behind it each request after the first."""
        self._note = note
        self._clock = clock
        self._token = token
        self._count = 0
        self._started: float | None = None

    @property
    def _id(self) -> str:
        return self._token if self._count < 2 else f"{self._token}/{self._count}"

    def sent(self, method: str, url: str, parameters: Mapping[str, str]) -> None:
        """A request goes out."""
        self._count += 1
        self._started = self._clock()
        if self._note is silent:
            return
        self._note(WEBHOOK_REQUEST, id=self._id, method=method, url=url, parameters=dict(parameters))

    def answered(
        self, status: int, content_type: str, size: int, text: str, headers: Mapping[str, str], kept: Kept | None
    ) -> None:
        """An answer came, whatever its status."""
        if self._note is silent:
            self._started = None
            return
        cached = {"cached": kept.how} if kept else {}
        shown = {name: value[:SHOWN] for name, value in list(headers.items())[:_MAX_HEADERS]}
        self._end(status=status, content_type=content_type, bytes=size, body=text[:SHOWN], headers=shown, **cached)
        if kept and kept.failure:
            failure = kept.failure
            told = f"{failure.message}: an answer of {kept.age} s ago is used"
            self._note(WARNING, code=failure.code, message=told, url=failure.url)

    def failed(self, error: FetchError) -> None:
        """No answer came, or none that can be used. Does nothing when the request has its answer already."""
        self._end(error=f"{error.code}: {error.message}")

    def _end(self, **data: Any) -> None:
        if self._started is None:
            return
        ms = round((self._clock() - self._started) * 1000)
        self._started = None
        self._note(WEBHOOK_RESPONSE, id=self._id, **data, ms=ms)

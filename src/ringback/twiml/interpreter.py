"""The interpreter: runs the documents of one call, one after another, until one ends it.

It knows documents, errors and fallbacks. What a verb does is the verb's own affair (`ringback.twiml.verbs`).
"""

import asyncio
import logging
from dataclasses import dataclass

from ringback.calls import outcome
from ringback.calls.port import Call
from ringback.model import events
from ringback.model.errors import ApplicationError, describe
from ringback.twiml.document import Document, read_document
from ringback.twiml.services import Answer, Application, Fetch, Services
from ringback.twiml.session import MAIN, Owed, Part, Session
from ringback.twiml.sounds import Sounds
from ringback.twiml.verb import End, GoOn, Next

APOLOGY = "We're sorry, an application error has occurred. Goodbye."
"""What the caller hears when the application fails and has no fallback that works."""

MAX_IDLE_DOCUMENTS = 50
"""Documents in a row that may pass without a sound, a pause or a key. A real application needs a few, to redirect from
one page to the next; one that goes in a circle would otherwise keep its server and this one busy for ever. (Messages
have the same limit in 2010-04-01, code 14106.)"""

TOO_MANY_REDIRECTS = 11215
INTERNAL = 12400

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SessionEnd:
    """How the session ended, in a word of `ringback.calls.outcome`: at the end of a document, by Hangup, by Reject, or
    by an error of the application, which then has its code.
    """

    reason: str
    error_code: int | None = None


class VoiceSession:
    """One call and the application that is asked what to do with it."""

    def __init__(self, call: Call, services: Services, application: Application, part: Part = MAIN) -> None:
        """`part` limits what the documents may do."""
        self._part = part
        self._call = call
        self._services = services
        self._application = application
        self._owed: list[Owed] = []

    async def run(self, first: Fetch | Answer) -> SessionEnd:
        """Fetch the first document (or take the one that is given), do what it says, go where it leads, and hang up at
        the end.

        Never raises for what an application does. When the caller hangs up, the task that runs this is cancelled.
        """
        step = await self.render(first)
        await self._call.hangup(step.reason)
        return SessionEnd(step.reason, step.error_code)

    async def render(self, first: Fetch | Answer) -> End:
        """The same without hanging up."""
        given = first if isinstance(first, Answer) else None
        request, fallback, idle = Fetch(first.url) if isinstance(first, Answer) else first, False, 0
        while True:
            visit = _Visit(request, fallback, given)
            given = None
            step = await self._visit(visit)
            if isinstance(step, End):
                return step
            request, fallback = step, visit.failed
            idle = 0 if visit.active else idle + 1
            if idle > MAX_IDLE_DOCUMENTS:
                # No fallback here: it would most likely lead back into the same circle.
                told = f"{idle} documents in a row had nothing to hear, to wait for or to press: they go in a circle"
                self._note_error(TOO_MANY_REDIRECTS, told, step.url)
                return await self._give_up(TOO_MANY_REDIRECTS)

    async def _other(self, call: Call, first: Fetch, part: Part) -> End:
        """Documents of another part, perhaps on another call."""
        services = self._services if call is self._call else self._services.of(call)
        return await VoiceSession(call, services, Application(first.url, first.method), part).render(first)

    async def farewell(self) -> None:
        """After the call: make the requests that verbs owe because the caller hung up in the middle of them."""
        while self._owed:
            request = await self._owed.pop(0)()
            if request is not None:
                try:
                    await self._services.fetch(self._call, request)
                except ApplicationError as error:
                    self._call.note(
                        events.WARNING, code=error.code, message=error.message, url=error.url or request.url
                    )

    async def _visit(self, visit: "_Visit") -> Fetch | End:
        """Run one document; when it fails, turn to the fallback."""
        try:
            return await self._document(visit)
        except ApplicationError as failure:
            error = failure
        except Exception as bug:
            # Somebody is on the line: a defect in here must not leave them in silence.
            _logger.exception("The session of call %s failed", self._call.info.sid)
            error = ApplicationError(INTERNAL, f"Ringback itself failed: {bug!r}")
        visit.failed = True
        url = error.url or visit.url
        self._note_error(error.code, error.message, url)
        fallback = self._application.fallback_url
        if visit.fallback or not fallback:
            return await self._give_up(error.code)
        parameters = {**visit.request.parameters, "ErrorCode": str(error.code), "ErrorUrl": url}
        return Fetch(fallback, self._application.fallback_method, parameters)

    async def _document(self, visit: "_Visit") -> Fetch | End:
        answer = visit.given or await self._services.fetch(self._call, visit.request)
        visit.url = answer.url
        document = read_document(answer.body, answer.content_type, self._call.info.api_version)
        self._call.note(events.DOCUMENT, url=answer.url, verbs=[verb.name for verb in document.verbs])
        for warning in document.warnings:
            # Even some that the document goes on after are errors to the account.
            kind = events.ERROR if describe(warning.code).level == "error" else events.WARNING
            self._call.note(kind, code=warning.code, message=warning.message, url=answer.url)
        failure: ApplicationError | None = None
        step: Next = GoOn()
        async with asyncio.TaskGroup() as group:
            sounds = Sounds(self._call, self._services, group)
            session = Session(
                self._call, answer.url, document.version, sounds, self._services,
                owed=self._owed, conduct=self._other, part=self._part,
            )  # fmt: skip
            try:
                step = await self._verbs(document, session)
            except ApplicationError as error:
                # Kept until the group is left, which would wrap it.
                failure = error
            finally:
                visit.active = session.active
                sounds.close()
        if failure is not None:
            raise failure
        return End(outcome.DOCUMENT_END) if isinstance(step, GoOn) else step

    async def _verbs(self, document: Document, session: Session) -> Next:
        for index, verb in enumerate(document.verbs):
            if self._part.verbs is not None and verb.name not in self._part.verbs:
                session.warn(self._part.code, f"{verb.name} may not be used here; it is skipped")
                continue
            if verb.picks_up(document.version):
                await self._call.answer()
            step = await session.run(verb, document.verbs[index + 1 :])
            if verb.drops_keys:
                self._call.clear_keys()
            if not isinstance(step, GoOn):
                return step
        if self._part is not MAIN:
            return GoOn()
        # A document without a verb that picks up ends the call as any other does: answered, then hung up.
        await self._call.answer()
        return GoOn()

    def _note_error(self, code: int, message: str, url: str) -> None:
        self._call.note(events.ERROR, code=code, message=message, url=url)

    async def _give_up(self, code: int) -> End:
        """Tell the caller that there is nothing to be had, as well as that is possible."""
        if self._part is not MAIN:
            return End(outcome.APPLICATION_ERROR, code)
        try:
            await self._call.play(await self._services.speak(APOLOGY, voice="woman", language="en-US"))
        except Exception as error:  # noqa: BLE001 - silence is all that is left
            _logger.warning("The caller of %s could not be told of an error: %s", self._call.info.sid, error)
        return End(outcome.APPLICATION_ERROR, code)


class _Visit:
    """One request and what became of it."""

    def __init__(self, request: Fetch, fallback: bool, given: Answer | None = None) -> None:
        self.request = request
        self.given = given
        """The document, where it needs no request."""
        self.fallback = fallback
        """Whether it asks the fallback, which has none itself."""
        self.url = request.url
        """Where the document came from in the end."""
        self.active = False
        """Whether the caller heard something, waited or pressed a key."""
        self.failed = False

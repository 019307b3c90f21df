"""The interpreter for messages: asks the application of a number about a message, and carries out what it answers.

It knows documents, errors and fallbacks; there is nobody on the line who could hear of an error, so a message whose
application fails is dropped, and its timeline says why.
"""

from ringback.model import events
from ringback.model.errors import ApplicationError
from ringback.model.messages import MessageRecord
from ringback.twiml.messaging.document import read_reply
from ringback.twiml.messaging.session import ReplyServices, ReplySession
from ringback.twiml.services import Application, Fetch
from ringback.twiml.verb import End, GoOn

MAX_DOCUMENTS = 50
"""Documents that one message may lead to (14106)."""

TOO_MANY_DOCUMENTS = 14106


class MessagingSession:
    """One message and the application that is asked about it."""

    def __init__(self, message: MessageRecord, services: ReplyServices, application: Application) -> None:
        self._message = message
        self._services = services
        self._application = application
        self._session = ReplySession(message, services)

    async def run(self, first: Fetch) -> int:
        """Fetch the first document, do what it says, and go where it leads; return how many answers were sent.

        Never raises for what an application does. What the store raises goes through: then nothing is lost, for the
        same answers have the same sids when all of this is done again.
        """
        request, is_fallback = first, False
        for _ in range(MAX_DOCUMENTS):
            try:
                step = await self._document(request)
            except ApplicationError as error:
                step = self._turn_to_fallback(request, error, is_fallback)
                is_fallback = True
            else:
                is_fallback = False
            if isinstance(step, End):
                return self._session.replies
            request = step
        self._note_error(TOO_MANY_DOCUMENTS, f"the message has led to {MAX_DOCUMENTS} documents", request.url)
        return self._session.replies

    async def _document(self, request: Fetch) -> Fetch | End:
        answer = await self._services.fetch(request)
        self._session.url = answer.url
        document = read_reply(answer.body, answer.content_type, self._message.api_version)
        self._session.version = document.version
        self._services.note(events.DOCUMENT, url=answer.url, verbs=[verb.name for verb in document.verbs])
        for warning in document.warnings:
            self._services.note(events.WARNING, code=warning.code, message=warning.message, url=answer.url)
        for verb in document.verbs:
            self._services.note(
                events.VERB_START,
                verb=verb.name,
                attributes=verb.given(),
                text=verb.content()[:200],
                document=answer.url,
            )
            step = await verb.run(self._session)
            told = step.result if isinstance(step, GoOn) else step.url if isinstance(step, Fetch) else step.reason
            self._services.note(events.VERB_END, verb=verb.name, ms=0, result=told)
            if self._session.looped:
                return End("loop")
            if not isinstance(step, GoOn):
                return step
        return End("document-end")

    def _turn_to_fallback(self, request: Fetch, error: ApplicationError, is_fallback: bool) -> Fetch | End:
        url = error.url or request.url
        self._note_error(error.code, error.message, url)
        fallback = self._application.fallback_url
        if is_fallback or not fallback:
            return End("application-error")
        parameters = {**request.parameters, "ErrorCode": str(error.code), "ErrorUrl": url}
        return Fetch(fallback, self._application.fallback_method, parameters)

    def _note_error(self, code: int, message: str, url: str) -> None:
        self._services.note(events.ERROR, code=code, message=message, url=url)

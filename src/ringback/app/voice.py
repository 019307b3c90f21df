"""Incoming calls: whose number it is, which application conducts the call, and what it is told afterwards."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime
from pathlib import Path

from ringback.app.directory import Directory
from ringback.app.services import CallServices, DefaultSpeech
from ringback.calls import outcome
from ringback.calls.leg import Leg
from ringback.media.library import ClipLibrary
from ringback.model import events
from ringback.model.errors import ApplicationError
from ringback.model.records import Account, IncomingNumber
from ringback.model.status import ApiVersion
from ringback.speech.speaker import Speaker
from ringback.twiml.interpreter import VoiceSession
from ringback.twiml.services import Application
from ringback.webhooks.client import WebhookClient, WebhookSession
from ringback.webhooks.parameters import voice_parameters

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Conducted:
    """What is remembered of a call until it has been told that it is over."""

    number: IncomingNumber
    session: WebhookSession


class VoiceApplications:
    """Conducts incoming calls by the documents of their numbers' applications."""

    def __init__(
        self,
        *,
        directory: Directory,
        default_account: Account,
        webhooks: WebhookClient,
        speaker: Speaker,
        library: ClipLibrary,
        scratch: Path,
        default_speech: DefaultSpeech,
        utcnow: Callable[[], datetime],
    ) -> None:
        self._directory = directory
        self._default_account = default_account
        self._webhooks = webhooks
        self._speaker = speaker
        self._library = library
        self._scratch = scratch
        self._default_speech = default_speech
        self._utcnow = utcnow
        self._conducted: dict[str, _Conducted] = {}

    async def conduct(self, leg: Leg) -> None:
        """Drive one incoming call from its first request to its end."""
        entry = await self._directory.find(leg.info.to)
        if entry is None:
            leg.assign(self._default_account.sid, None, ApiVersion.V2010)
            leg.note(
                events.ERROR, code=0, message=f"no number {leg.info.to}: ringback numbers add {leg.info.to} --url URL"
            )
            leg.refuse(404, outcome.NOT_FOUND)
            return
        number, account = entry.number, entry.account
        leg.assign(account.sid, number, number.api_version)
        session = self._webhooks.session(account.auth_token)
        self._conducted[leg.info.sid] = _Conducted(number, session)
        services = CallServices(leg, session, self._speaker, self._library, self._scratch, self._default_speech)
        application = Application.of(number)
        first = application.first_request(number.api_version, leg.info.direction)
        await VoiceSession(leg, services, application).run(first)

    async def afterwards(self, leg: Leg) -> None:
        """Tell the application that the call is over; what it answers does not matter.

        In 2008-08-01 the first URL is requested again (clause 1.1), in 2010-04-01 the number's StatusCallback
        (clause 5.2).
        """
        conducted = self._conducted.pop(leg.info.sid, None)
        if conducted is None:
            return
        number = conducted.number
        if number.api_version is ApiVersion.V2008:
            url, method, extra = number.voice_url, number.voice_method, {}
        elif number.status_callback:
            url, method, extra = number.status_callback, number.status_callback_method, self._last_words(leg)
        else:
            return
        try:
            await conducted.session.request(method, url, voice_parameters(leg.info, leg.status, extra), note=leg.note)
        except ApplicationError as error:
            leg.note(events.WARNING, code=15003, message=f"nobody could be told that the call is over: {error}")

    def _last_words(self, leg: Leg) -> dict[str, str]:
        seconds = leg.duration
        return {
            "CallDuration": str(seconds),
            "Duration": str(-(-seconds // 60)),
            "Timestamp": format_datetime(self._utcnow()),
            "CallbackSource": "call-progress-events",
            "SequenceNumber": "0",
        }

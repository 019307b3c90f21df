"""The call that proves that somebody has a number: they must key in a code. 2010-04-01 clause 9.7."""

from collections.abc import Callable
from datetime import datetime
from typing import Final

from ringback.app.voice import VoiceApplications
from ringback.calls.leg import Leg
from ringback.model import sids
from ringback.model.errors import ApplicationError
from ringback.model.outgoing import OutgoingCall
from ringback.model.provisioning import CallerIdRecord
from ringback.storage.database import Database

_TRIES: Final = 3
_KEY_SECONDS: Final = 10.0
_ASKS: Final = "Please enter your validation code."
_WRONG: Final = "That code is wrong."
_RIGHT: Final = "Thank you. Your number is validated. Goodbye."


class Validation:
    """Conducts validation calls."""

    def __init__(
        self,
        database: Database,
        voice: VoiceApplications,
        utcnow: Callable[[], datetime],
        entropy: Callable[[int], bytes],
    ) -> None:
        self._database = database
        self._voice = voice
        self._utcnow = utcnow
        self._entropy = entropy

    async def conduct(self, leg: Leg, request: OutgoingCall) -> None:
        """Ask for the code, three times at most, and keep the caller id when it is right.

        The status callback of the call tells VerificationStatus, and OutgoingCallerIdSid after a success.
        """
        code = request.validation or ""
        conducting = self._voice.find(leg.info.sid)
        told = {"VerificationStatus": "failed"}
        for _ in range(_TRIES):
            await self._say(leg, _ASKS)
            if code and await self._keys(leg, len(code)) == code:
                told = {"VerificationStatus": "success", "OutgoingCallerIdSid": await self._keep(request)}
                break
            await self._say(leg, _WRONG)
        if conducting is not None:
            conducting.further = told
        if told["VerificationStatus"] == "success":
            await self._say(leg, _RIGHT)

    async def _say(self, leg: Leg, text: str) -> None:
        conducting = self._voice.find(leg.info.sid)
        if conducting is None:
            return
        try:
            clip = await conducting.services.speak(text, voice="woman", language="en-US")
        except ApplicationError:
            return
        await leg.play(clip)

    async def _keys(self, leg: Leg, count: int) -> str:
        keys = ""
        while len(keys) < count:
            key = await leg.next_key(_KEY_SECONDS)
            if key is None:
                break
            keys += key
        return keys

    async def _keep(self, request: OutgoingCall) -> str:
        now = self._utcnow()
        known = await self._database.caller_ids.of_number(request.account_sid, request.to)
        if known is not None:
            return known.sid
        record = CallerIdRecord(
            sid=sids.make_sid(sids.NUMBER, self._entropy(16)),
            account_sid=request.account_sid,
            phone_number=request.to,
            friendly_name=request.validation_friendly_name or request.to,
            date_created=now,
            date_updated=now,
        )
        await self._database.caller_ids.create(record)
        return record.sid

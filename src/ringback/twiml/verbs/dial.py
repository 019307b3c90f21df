"""Dial: connect the call to others. 2008-08-01 clause 2.6, 2010-04-01 clause 2.6."""

from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal, Self

from lxml import etree

from ringback.calls.dialing import Dialed, Dialing
from ringback.calls.recording import RecordOptions
from ringback.media.tones import COUNTRIES
from ringback.model import events
from ringback.model.numbers import country_exists, normalise
from ringback.model.status import ApiVersion
from ringback.twiml.attributes import BadValueError, attribute, boolean, free_text, http_method, integer, one_of
from ringback.twiml.nouns.application import Application
from ringback.twiml.nouns.callee import Callee, event_list
from ringback.twiml.nouns.client import Client
from ringback.twiml.nouns.conference import Conference
from ringback.twiml.nouns.number import Number
from ringback.twiml.nouns.queue import Queue
from ringback.twiml.nouns.sip import Sip
from ringback.twiml.reader import Reader, name_of, shorten
from ringback.twiml.recordings import RECORDING_EVENTS, watch_recording
from ringback.twiml.session import MAIN, Session
from ringback.twiml.verb import GoOn, Next, Verb

V2010 = ApiVersion.V2010
MAX_NOUNS = 10
MAX_CALLER_ID = 256
"""Characters: as many as the name of a phone may have."""
_CALLEES: dict[str, type[Callee]] = {"Number": Number, "Client": Client, "Sip": Sip, "Application": Application}
_MODES = {
    "do-not-record": "",
    "false": "",
    "true": "answer",
    "record-from-answer": "answer",
    "record-from-ringing": "ringing",
    "record-from-answer-dual": "answer-dual",
    "record-from-ringing-dual": "ringing-dual",
}
_STATUS_2008 = {"completed": "answered", "answered": "answered", "canceled": "no-answer"}


def _record(text: str, _version: ApiVersion) -> str:
    if text not in _MODES:
        raise BadValueError(f"takes {', '.join(_MODES)}")
    return _MODES[text]


def _timeout(text: str, version: ApiVersion) -> int:
    if version is ApiVersion.V2008:
        return int(integer(1)(text, version))
    return int(integer(5, 600)(text, version))


def _caller_id(text: str, version: ApiVersion) -> str:
    if len(text) > MAX_CALLER_ID:
        code = 13214 if version is ApiVersion.V2008 else 13248
        raise BadValueError(f"takes up to {MAX_CALLER_ID} characters", code)
    return text


def _country(text: str, _version: ApiVersion) -> str:
    if text not in COUNTRIES:
        raise BadValueError("takes the two letters of a country with tones of its own")
    return text


def _text_of(element: etree._Element, reader: Reader) -> str:
    return reader.text(element)


@dataclass(frozen=True)
class Dial(Verb):
    """Whom to call, for how long, and whom to tell how it went."""

    name: ClassVar[str] = "Dial"

    callees: tuple[Callee | Queue, ...] = ()
    conference: Conference | None = None
    action: str = attribute(free_text, "")
    """Empty: the verb below comes next."""
    method: Literal["GET", "POST"] = attribute(http_method, "POST", code=13210)
    timeout: int = attribute(_timeout, 30, code=13212)
    hangup_on_star: bool = attribute(boolean, False, code=13213)
    time_limit: int = attribute(integer(1), 14400, code=13216)
    caller_id: str = attribute(_caller_id, "", code=13214)
    answer_on_bridge: bool = attribute(boolean, False, code=13219, since=V2010)
    sequential: bool = attribute(boolean, False, code=13218, since=V2010)
    ring_tone: str = attribute(_country, "", code=13220, since=V2010)
    refer_url: str = attribute(free_text, "", since=V2010)
    """Asked in place of the action when the callee refers the call elsewhere (REFER); empty: phones may transfer."""
    refer_method: Literal["GET", "POST"] = attribute(http_method, "POST", since=V2010)
    record: str = attribute(_record, "", code=13217, since=V2010)
    trim: str = attribute(one_of("trim-silence", "do-not-trim"), "do-not-trim", since=V2010)
    recording_track: Literal["inbound", "outbound", "both"] = attribute(
        one_of("inbound", "outbound", "both"), "both", since=V2010
    )
    recording_status_callback: str = attribute(free_text, "", since=V2010)
    recording_status_callback_method: Literal["GET", "POST"] = attribute(http_method, "POST", since=V2010)
    recording_status_callback_event: tuple[str, ...] = attribute(
        event_list(*RECORDING_EVENTS), ("completed",), since=V2010
    )

    @classmethod
    def read(cls, element: etree._Element, reader: Reader, *, nested: bool = False) -> Self | None:
        """Build it from a number as text, or from its nouns; None when there is nobody to call."""
        values: dict[str, Any] = reader.attributes(cls, element, nested=nested)
        callees: list[Callee | Queue] = []
        conference: Conference | None = None
        for child in reader.children(element, text_allowed=True):
            name = name_of(child)
            if name in _CALLEES and (name == "Number" or reader.version is not ApiVersion.V2008):
                callees += _callee(_CALLEES[name], child, reader)
            elif name == "Queue" and reader.version is not ApiVersion.V2008:
                callees.append(Queue(to=_text_of(child, reader), **reader.attributes(Queue, child)))
            elif name == "Sip":
                reader.warn(13245, f"there is no Sip before {V2010}; it is ignored", child)
            elif name == "Conference":
                conference = Conference(to=_text_of(child, reader), **reader.attributes(Conference, child))
                if not conference.to:
                    reader.warn(13237, "Conference has no name; it is ignored", child)
                    conference = None
            else:
                reader.warn(13215, f"{shorten(name)} may not stand inside Dial; it is ignored", child)
        text = " ".join((element.text or "").split())
        if conference is not None and callees:
            reader.warn(
                13000, "Dial calls numbers or goes into a conference, not both; the numbers are left out", element
            )
            callees = []
        if len(callees) > 1 and any(isinstance(callee, Application) for callee in callees):
            reader.warn(12200, "an Application stands alone inside Dial; the others are left out", element)
            callees = [next(callee for callee in callees if isinstance(callee, Application))]
        if text and not callees and conference is None:
            callees = list(_number(Number(to=text), element, reader))
        if len(callees) > MAX_NOUNS:
            code = 13250 if sum(isinstance(callee, Sip) for callee in callees) > MAX_NOUNS else 13223
            reader.warn(code, f"Dial calls {MAX_NOUNS} at once and no more; the others are left out", element)
        dial = cls(callees=tuple(callees[:MAX_NOUNS]), conference=conference, **values)
        if not dial.callees and dial.conference is None:
            reader.warn(13223, "Dial has nobody to call", element)
        return dial

    def content(self) -> str:
        """Whom."""
        return self.conference.to if self.conference else ", ".join(callee.to for callee in self.callees)

    def picks_up(self, version: ApiVersion) -> bool:
        """Where the call is picked up with the callee, not before."""
        return not self.answer_on_bridge or self.conference is not None

    async def run(self, session: Session) -> Next:
        """Connect, and go on when that is over."""
        if session.part is not MAIN:
            session.warn(13201, "Dial may not be used by a document that is heard before a Dial is connected")
            return GoOn("not allowed here")
        began = session.call.now()
        told = await self._attend(session) if self.conference is not None else await self._dial(session)
        session.spent(began)
        status = told.get("DialCallStatus") or told["DialStatus"]
        if "ReferTransferTarget" in told:
            return session.fetch(self.refer_url, self.refer_method, told)
        if not self.action:
            return GoOn(status)
        return session.fetch(self.action, self.method, told)

    # -- calling ------------------------------------------------------------------------------------------------

    async def _dial(self, session: Session) -> dict[str, str]:
        call = session.call
        caller_id = await self._caller_id(session)
        if caller_id is None or not self.callees:
            return self._told(session, Dialed("failed"))
        dialed = await call.dial(
            Dialing(
                tuple(callee.target(session) for callee in self.callees),
                caller_id,
                timeout=self.timeout,
                time_limit=self.time_limit,
                hangup_on_star=self.hangup_on_star,
                sequential=self.sequential,
                answer_on_bridge=self.answer_on_bridge,
                ring_tone=self.ring_tone,
                record=self._recording(session) if self.record else None,
                record_from_ringing=self.record.startswith("ringing"),
                referrable=bool(self.refer_url),
            )
        )
        return self._told(session, dialed)

    async def _caller_id(self, session: Session) -> str | None:
        """The number that the callee sees; None for one that may not be shown."""
        info = session.call.info
        if not self.caller_id:
            return info.from_
        if self.caller_id.startswith("client:"):
            return self.caller_id
        wanted = normalise(self.caller_id)
        if wanted in (info.from_, info.to) or await session.services.may_call_as(session.call, wanted):
            return wanted
        if session.version is not ApiVersion.V2008 and not wanted.lstrip("+").isdigit():
            if wanted.isascii() and wanted.isalnum() and all(isinstance(callee, Sip) for callee in self.callees):
                return wanted
            code, why = 13247, "is no telephone number"
        else:
            code, why = 13214, "is neither a number of the account nor a validated one"
        session.call.note(events.ERROR, code=code, message=f"Dial callerId {shorten(self.caller_id)} {why}")
        return None

    def _recording(self, session: Session) -> RecordOptions:
        return RecordOptions(
            "DialVerb",
            track=self.recording_track,
            channels=2 if self.record.endswith("dual") else 1,
            trim=self.trim == "trim-silence",
            watch=watch_recording(
                session,
                self.recording_status_callback,
                self.recording_status_callback_method,
                self.recording_status_callback_event,
            ),
        )

    def _told(self, session: Session, dialed: Dialed) -> dict[str, str]:
        if session.call.info.api_version is ApiVersion.V2008:
            return {"DialStatus": _STATUS_2008.get(dialed.status, dialed.status)}
        told = {"DialCallStatus": dialed.status, "DialBridged": str(dialed.bridged).lower()}
        if dialed.call_sid:
            told |= {"DialCallSid": dialed.call_sid, "DialCallDuration": str(dialed.seconds)}
        if dialed.recording_sid:
            told["RecordingUrl"] = session.services.recording_url(session.call, dialed.recording_sid)
        if any(isinstance(callee, Sip) for callee in self.callees):
            told["DialSipCallId"] = dialed.sip_call_id
            told["DialSipResponseCode"] = str(dialed.sip_code or (200 if dialed.bridged else 0))
        if dialed.referred_to:
            told["ReferTransferTarget"] = dialed.referred_to
        return told

    # -- conferences --------------------------------------------------------------------------------------------

    async def _attend(self, session: Session) -> dict[str, str]:
        assert self.conference is not None, "run asks"
        attended = await session.call.attend(
            self.conference.attendance(session, hangup_on_star=self.hangup_on_star, time_limit=self.time_limit)
        )
        status = "failed" if attended.reason in ("full", "failed") else "answered"
        if session.call.info.api_version is ApiVersion.V2008:
            return {"DialStatus": status}
        told = {"DialCallStatus": status}
        if attended.recording_sid:
            told["RecordingUrl"] = session.services.recording_url(session.call, attended.recording_sid)
        return told


def _callee(noun: type[Callee], element: etree._Element, reader: Reader) -> tuple[Callee, ...]:
    values = reader.attributes(noun, element)
    if noun is Client or noun is Application:
        named = noun.read(element, reader, values)
        return () if named is None else (named,)
    text = _text_of(element, reader)
    if noun is Sip:
        sip = Sip.read(text, element, reader, values)
        return () if sip is None else (sip,)
    return _number(Number(to=text, **values), element, reader)


def _number(number: Number, element: etree._Element, reader: Reader) -> tuple[Callee, ...]:
    """A number in its stored form; nothing where it is none."""
    if number.to.lower().startswith(("sip:", "client:")):
        return (number,)
    plain = normalise(number.to)
    if not plain.lstrip("+").isdigit() and not plain.isalnum():
        reader.warn(13223, f"{shorten(number.to) or 'nothing'} is no telephone number; it is not called", element)
        return ()
    if not country_exists(plain):
        reader.warn(13226, f"{shorten(plain)} has a country code that there is not; it is not called", element)
        return ()
    return (replace(number, to=plain),)

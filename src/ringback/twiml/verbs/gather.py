"""Gather: take keys from the caller. 2008-08-01 clause 2.4, 2010-04-01 clause 2.4."""

import asyncio
from dataclasses import dataclass
from typing import ClassVar, Literal, Self

from lxml import etree

from ringback.model.errors import ApplicationError
from ringback.model.status import ApiVersion
from ringback.twiml.attributes import (
    BadValueError,
    attribute,
    boolean,
    free_text,
    http_method,
    integer,
    language_tag,
    one_of,
)
from ringback.twiml.reader import Reader, name_of, shorten
from ringback.twiml.session import Session
from ringback.twiml.sounds import Sound
from ringback.twiml.verb import GoOn, Next, Verb
from ringback.twiml.verbs.pause import Pause
from ringback.twiml.verbs.play import Play
from ringback.twiml.verbs.say import Say

V2010 = ApiVersion.V2010
MAX_KEYS = 1000
"""Keys that one Gather takes when it sets no limit: a caller who leans on a key must not fill the memory."""
MAX_HINTS, MAX_HINT = 500, 100

SPEECH_MODELS = (
    "default", "numbers_and_commands", "phone_call", "experimental_conversations", "experimental_utterances",
    "googlev2_long", "googlev2_short", "googlev2_telephony", "googlev2_telephony_short",
    "deepgram_nova-2", "deepgram_nova-3",
)  # fmt: skip

_PROMPTS: dict[str, type[Verb]] = {"Say": Say, "Play": Play, "Pause": Pause}


def _finish_keys(value: str, version: ApiVersion) -> str:
    if any(key not in "0123456789#*" for key in value):
        raise BadValueError("takes keys of 0-9 # *")
    if version is ApiVersion.V2008 and len(value) > 1:
        raise BadValueError("takes one key", 13311)
    return value


def _input(value: str, _version: ApiVersion) -> tuple[str, ...]:
    kinds = tuple(sorted(set(value.split())))
    if not kinds or not set(kinds) <= {"dtmf", "speech"}:
        raise BadValueError("takes dtmf, speech, or both")
    return kinds


def _speech_timeout(value: str, version: ApiVersion) -> int | str:
    return value if value == "auto" else int(integer(0)(value, version))


def _hints(value: str, _version: ApiVersion) -> str:
    hints = value.split(",")
    if len(hints) > MAX_HINTS or any(len(hint.strip()) > MAX_HINT for hint in hints):
        raise BadValueError(f"takes up to {MAX_HINTS} hints of up to {MAX_HINT} characters")
    return value


@dataclass(frozen=True)
class Gather(Verb):
    """Prompts to play while listening, what ends the listening, and whom to tell the keys."""

    name: ClassVar[str] = "Gather"

    prompts: tuple[Verb, ...] = ()
    """Say, Play and Pause."""
    action: str = attribute(free_text, "")
    """Empty: the present document."""
    method: Literal["GET", "POST"] = attribute(http_method, "POST", code=13312)
    timeout: int = attribute(integer(0, minimum_2008=1), 5, code=13313)
    """Seconds without a key, from the end of the prompts or the last key."""
    finish_on_key: str = attribute(_finish_keys, "#", code=13310)
    """The keys that end it; empty: none does. In 2008-08-01 at most one."""
    num_digits: int | None = attribute(integer(1), None, code=13314)
    input: tuple[str, ...] = attribute(_input, ("dtmf",), code=13326, since=V2010)
    action_on_empty_result: bool = attribute(boolean, False, since=V2010)
    """Whether the action is asked when no key was pressed."""
    barge_in: bool = attribute(boolean, True, code=13332, since=V2010)
    """Whether a key stops the prompts."""

    # What follows is about speech, which is checked and not yet listened for.
    speech_timeout: int | Literal["auto"] | None = attribute(_speech_timeout, None, code=13327, since=V2010)
    max_speech_time: int = attribute(integer(1, 60), 60, code=13328, since=V2010)
    language: str = attribute(language_tag, "en-US", code=13331, since=V2010)
    hints: str = attribute(_hints, "", code=13330, since=V2010)
    profanity_filter: bool = attribute(boolean, True, code=13333, since=V2010)
    speech_model: str = attribute(one_of(*SPEECH_MODELS), "default", code=13334, since=V2010)
    enhanced: bool = attribute(boolean, False, since=V2010)
    partial_result_callback: str = attribute(free_text, "", since=V2010)
    partial_result_callback_method: Literal["GET", "POST"] = attribute(http_method, "POST", code=13329, since=V2010)
    debug: bool = attribute(boolean, False, since=V2010)

    @classmethod
    def read(cls, element: etree._Element, reader: Reader, *, nested: bool = False) -> Self | None:
        """Build it with its prompts."""
        prompts = []
        for child in reader.children(element):
            name = name_of(child)
            if name in _PROMPTS:
                prompts.append(_PROMPTS[name].read(child, reader, nested=True))
            else:
                reader.warn(13320, f"{shorten(name)} may not stand inside Gather; it is ignored", child)
        values = reader.attributes(cls, element, nested=nested)
        gather = cls(prompts=tuple(prompt for prompt in prompts if prompt), **values)
        if "speech" in gather.input:
            if gather.speech_timeout == "auto" and gather.speech_model == "default":
                reader.warn(13335, 'Gather speechTimeout="auto" does not go with the default speechModel', element)
            told = "this version of Ringback does not listen for speech yet: "
            told += "only keys are gathered" if "dtmf" in gather.input else "nothing is gathered"
            reader.warn(13326, f'Gather input="{" ".join(gather.input)}": {told}', element)
        return gather

    def sounds(self, session: Session) -> tuple[Sound, ...]:
        """Those of the prompts."""
        return tuple(sound for prompt in self.prompts for sound in prompt.sounds(session))

    async def run(self, session: Session) -> Next:
        """Play the prompts and take keys until one of the ends is reached."""
        if "dtmf" not in self.input:
            return await self._without_keys(session)
        first = await self._prompt(session)
        keys, finished_on = await self._collect(session, first)
        if not keys and not self.action_on_empty_result:
            # The finish key alone counts as nothing, too.
            return GoOn("no keys")
        told = {"Digits": keys}
        # These two are not in the vendor's pages; applications have seen them on the wire (2010-04-01, clause 2.4).
        if session.call.info.api_version is V2010:
            told["FinishedOnKey"] = finished_on
            if keys:
                told["msg"] = "Gather End"
        return session.fetch(self.action, self.method, told)

    async def _prompt(self, session: Session) -> str | None:
        """Play the prompts; return the key that was taken meanwhile."""
        if not self.barge_in:
            await self._play(session)
            return None
        # A key that was pressed while the document was fetched means: no need to hear this again.
        key = await session.call.next_key(0)
        if key is not None or not self.prompts:
            return key
        failure: ApplicationError | None = None

        async def play() -> None:
            nonlocal failure
            try:
                await self._play(session)
            except ApplicationError as error:
                failure = error

        async with asyncio.TaskGroup() as group:
            playing = group.create_task(play())
            listening = group.create_task(session.call.next_key())
            await asyncio.wait((playing, listening), return_when=asyncio.FIRST_COMPLETED)
            # The key may have come with the last sample: it counts.
            key = listening.result() if listening.done() else None
            playing.cancel()
            listening.cancel()
        if failure is not None:
            raise failure
        return key

    async def _play(self, session: Session) -> None:
        for index, prompt in enumerate(self.prompts):
            try:
                await session.run(prompt, self.prompts[index + 1 :])
            except ApplicationError as error:
                code = 13325 if error.code == 13420 else error.code
                raise ApplicationError(code, error.message, error.url) from error

    async def _collect(self, session: Session, key: str | None) -> tuple[str, str]:
        """Take keys, after the one that was taken while prompting. Return the keys and the one that finished it."""
        limit = self.num_digits or MAX_KEYS
        keys = ""
        while len(keys) < limit:
            if key is None:
                began = session.call.now()
                key = await session.call.next_key(self.timeout)
                session.spent(began)
            if key is None:
                break
            session.active = True
            if key in self.finish_on_key:
                return keys, key
            keys += key
            key = None
        return keys, ""

    async def _without_keys(self, session: Session) -> Next:
        """Speech alone is asked for: prompt, wait, and act as if the caller had kept quiet."""
        await self._play(session)
        await session.pause(self.timeout)
        session.call.clear_keys()
        if not self.action_on_empty_result:
            return GoOn("no speech")
        return session.fetch(self.action, self.method, {"SpeechResult": ""})

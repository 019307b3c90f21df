"""Everything that a call to an application needs, but for sockets and sound: the switch, the web, the voice."""

import asyncio
import functools
import io
import wave
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any, Self

import numpy as np
from web_in_memory import WebInMemory

from ringback.app.directory import Directory
from ringback.app.services import Facilities
from ringback.app.voice import VoiceApplications
from ringback.calls.leg import CallSettings
from ringback.calls.switch import SwitchSettings
from ringback.media.library import ClipLibrary
from ringback.model import events
from ringback.model.records import Account, CallEvent, IncomingNumber
from ringback.model.status import ApiVersion
from ringback.speech.contract import Pcm, Voice
from ringback.speech.speaker import Speaker
from ringback.storage.database import Database
from ringback.testing.clock import run
from ringback.testing.exchange import EPOCH, Exchange, VirtualPhone
from ringback.webhooks.client import WebhookClient

NUMBER = "+15550100001"
CALLER = "+14155550123"
SHOP = "http://shop.example/"
STATUS_URL = "http://shop.example/status"
DEFAULT = Account("AC" + "0" * 32, "default-token", "Default", EPOCH)
ACCOUNT = Account("AC" + "a" * 32, "shop-token", "Shop", EPOCH)


def virtual(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    @functools.wraps(test)
    def in_virtual_time(*args: Any, **kwargs: Any) -> None:
        run(test(*args, **kwargs))

    return in_virtual_time


def number(**different: Any) -> IncomingNumber:
    values: dict[str, Any] = {
        "sid": "PN" + "0" * 32,
        "account_sid": ACCOUNT.sid,
        "phone_number": NUMBER,
        "voice_url": SHOP,
        "voice_method": "POST",
        "voice_fallback_url": None,
        "voice_fallback_method": "POST",
        "status_callback": None,
        "status_callback_method": "POST",
        "api_version": ApiVersion.V2010,
        "friendly_name": "Shop",
        "date_created": EPOCH,
    }
    return IncomingNumber(**{**values, **different})


class Hum:
    """An engine that hums 50 ms for each letter of an English text."""

    name = "hum"
    version = "1"
    failure: Exception | None = None

    async def start(self) -> None:
        """Nothing to load."""

    async def close(self) -> None:
        """Nothing to end."""

    def speaks(self, voice: Voice) -> bool:
        return voice.primary == "en"

    async def synthesize(self, text: str, voice: Voice, rate: float = 1.0) -> Pcm:
        if self.failure is not None:
            raise self.failure
        time = np.arange(len(text) * 800) / 16000
        return Pcm((8000 * np.sin(2 * np.pi * 200 * time)).astype(np.int16), 16000)


def wav(seconds: float) -> bytes:
    """A file of sound, 8 kHz."""
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(8000)
        tone = 8000 * np.sin(np.arange(round(seconds * 8000)) / 4)
        writer.writeframes(tone.astype("<i2").tobytes())
    return file.getvalue()


class _Rows:
    """What the directory asks of a table; each answer takes `seconds`."""

    def __init__(self, find: Callable[[str], Any]) -> None:
        self.find = find
        self.seconds = 0.0

    async def get(self, key: str) -> Any:
        await asyncio.sleep(self.seconds)
        return self.find(key)

    get_by_number = get


class World:
    """A server in virtual time. Use as `async with World(directory, number()) as world`."""

    def __init__(self, directory: Path, *numbers: IncomingNumber, **call: Any) -> None:
        self.web = WebInMemory()
        self.engine = Hum()
        by_number = {one.phone_number: one for one in numbers}
        self.numbers, self.accounts = _Rows(by_number.get), _Rows({ACCOUNT.sid: ACCOUNT}.get)
        database: Any = type("Rows", (), {"numbers": self.numbers, "accounts": self.accounts})
        self.executor = ThreadPoolExecutor(1)
        self.scratch = directory / "scratch"
        self.scratch.mkdir(exist_ok=True)
        self.library = ClipLibrary(directory / "clips", self.executor)
        self.speaker = Speaker(directory / "speech", [self.engine], clock=asyncio.get_running_loop().time)
        tokens = iter(range(10**6))
        self.webhooks = WebhookClient(exchange=self.web, new_token=lambda: f"token-{next(tokens)}")
        self.voice = VoiceApplications(
            directory=Directory(_as_database(database), asyncio.get_running_loop().time),
            default_account=DEFAULT,
            webhooks=self.webhooks,
            facilities=Facilities(self.speaker, self.library, self.scratch),
            utcnow=lambda: EPOCH + timedelta(seconds=asyncio.get_running_loop().time()),
        )
        self.exchange = Exchange(
            self.voice.conduct, afterwards=self.voice.afterwards, settings=SwitchSettings(CallSettings(**call))
        )

    def dial(self, number: str = NUMBER, **options: Any) -> VirtualPhone:
        return self.exchange.dial(number, caller=CALLER, **options)

    async def over(self) -> None:
        """Wait until no call is left and everybody has been told."""
        await asyncio.sleep(1)
        while len(self.exchange.switch) or self.web.open:  # noqa: ASYNC110 (virtual time: it costs nothing)
            await asyncio.sleep(1)

    async def call(self, number: str = NUMBER) -> VirtualPhone:
        """Dial, say and press nothing, and wait for the end."""
        phone = self.dial(number)
        await phone.ended.wait()
        await self.over()
        return phone

    def record(self, phone: VirtualPhone) -> dict[str, Any]:
        return self.exchange.records[phone.sid]

    def timeline(self, phone: VirtualPhone) -> list[CallEvent]:
        return [event for event in self.exchange.events if event.call_sid == phone.sid]

    def errors(self, phone: VirtualPhone) -> list[int]:
        return [event["code"] for event in self.exchange.timeline(phone.sid, events.ERROR)]

    def warnings(self, phone: VirtualPhone) -> list[int]:
        return [event["code"] for event in self.exchange.timeline(phone.sid, events.WARNING)]

    def spoken(self, phone: VirtualPhone) -> list[str]:
        return [event["text"] for event in self.exchange.timeline(phone.sid, events.SPEECH)]

    async def __aenter__(self) -> Self:
        await self.speaker.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.webhooks.close()
        await self.speaker.close()
        self.executor.shutdown()


def _as_database(rows: Any) -> Database:
    return rows  # type: ignore[no-any-return]

"""What resources need from outside: the store, control of calls, messages, the time, entropy, and their settings."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from ringback.messaging.port import Messages
from ringback.model.status import ApiVersion
from ringback.rest.control import CallControl
from ringback.rest.notices import Notice
from ringback.storage.database import Database

if TYPE_CHECKING:
    from ringback.rest.access import Access


@dataclass(frozen=True, slots=True)
class RestSettings:
    """Limits of requests, and who may do what without credentials."""

    max_body: int = 65_536
    """Bytes of a request's body."""
    max_parameters: int = 500
    max_concurrent: int = 100
    """Requests of one account at the same time; further ones are answered with 429."""
    requests_per_second: float = 0.0
    """Requests of one account in a second, on average; 0 is no limit."""
    failures_per_minute: int = 30
    """Refused credentials from one address in a minute, after which it is answered with 429."""
    recordings_need_credentials: bool = True
    """Whether the audio of 2010-04-01 is given to nobody without credentials. In 2008-08-01 it never needs them."""
    region: str = "US"
    """The country of numbers without `+`."""
    sip_realm: str = "ringback"
    """What the passwords of SIP credentials are for."""
    api_versions: tuple[ApiVersion, ...] = (ApiVersion.V2008, ApiVersion.V2010)


@dataclass(slots=True)
class Services:
    """Everything that a request may need."""

    database: Database
    control: CallControl
    messages: Messages
    utcnow: Callable[[], datetime]
    clock: Callable[[], float]
    entropy: Callable[[int], bytes]
    directory: Path
    """Where the audio of recordings is, unless their paths are absolute."""
    settings: RestSettings = field(default_factory=RestSettings)
    notify: Callable[[Notice], None] = lambda notice: None
    default_calls_per_second: float = 1.0
    access: "Access" = field(init=False)

"""The limits of requests to applications."""

from dataclasses import dataclass
from pathlib import Path

from ringback.webhooks.guard import LOOPBACK, Network


@dataclass(frozen=True, slots=True)
class WebhookSettings:
    """Limits of requests to applications. Times in seconds, sizes in bytes.

    The times and counts are those of clause 7 of the 2010-04-01 specification; the fragment of a URL may override them.
    """

    connect_timeout: float = 5.0
    """For one try to connect, name resolution and TLS handshake included."""
    read_timeout: float = 15.0
    """The longest silence of a server."""
    total_timeout: float = 15.0
    """For the whole request: redirects, login and retries included."""
    media_timeout: float = 60.0
    """The same for audio that is fetched."""
    retries: int = 1
    retry_on: frozenset[str] = frozenset({"ct"})
    max_redirects: int = 10
    max_body: int = 64 * 1024
    """Of a document (11750 beyond)."""
    max_audio_body: int = 8 * 1024 * 1024
    """Of an answer that is audio itself, to be played; it is held in memory."""
    max_media: int = 40 * 1024 * 1024
    """Of audio that is fetched to a file."""
    user_agent: str = "TwilioProxy/1.1 Ringback"
    """Begins with the product that applications expect."""
    allow_private: tuple[Network, ...] = LOOPBACK
    """Private networks that webhooks may reach."""
    deny: tuple[Network, ...] = ()
    """Networks that they may not reach, public ones included."""
    verify_certificates: bool = True
    ca_file: Path | None = None
    """Further certificate authorities to trust, PEM."""
    connections_per_host: int = 200

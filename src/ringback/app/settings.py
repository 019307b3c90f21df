"""Every setting there is: its name, type, default and meaning.

One TOML file holds them, a table a section (`[sip]`, `port = 5060`). A variable of the environment is stronger
(`RINGBACK_SIP__PORT=5070`), and what neither of them names has the default below. `Settings.load` reads all three.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    PlainValidator,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
)

from ringback.app.errors import SettingsError
from ringback.app.trunk_settings import Prefix, TrunkSettings

__all__ = ["Loaded", "Settings", "SettingsError"]


def _network(value: object) -> IPv4Network | IPv6Network:
    try:
        # From a whole number ip_network would make an address too, which nobody means.
        return ip_network(value.strip() if isinstance(value, str) else "")
    except ValueError as error:
        raise ValueError(f'should be an address range such as "10.0.0.0/8" ({error})') from error


def _address(value: object) -> str:
    try:
        return str(ip_address(value.strip() if isinstance(value, str) else ""))
    except ValueError as error:
        raise ValueError('should be an IP address such as "192.0.2.1"') from error


Network = Annotated[IPv4Network | IPv6Network, PlainValidator(_network), PlainSerializer(str)]
Port = Annotated[int, Field(ge=0, le=65535)]
Address = Annotated[str, PlainValidator(_address), WithJsonSchema({"type": "string", "format": "ip"})]

_LOOPBACK = (ip_network("127.0.0.0/8"), ip_network("::1/128"))


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class SipSettings(_Section):
    """Where SIP phones and trunks reach this server."""

    host: Address = Field(default="127.0.0.1", description="Address to listen on. `0.0.0.0` is every IPv4 address.")
    port: int = Field(
        default=5060, ge=0, le=65535, description="Port to listen on, over UDP and TCP. 0 takes a free one."
    )
    allow: tuple[Network, ...] = Field(
        default=_LOOPBACK,
        description="Address ranges whose calls need no password. All others prove who they are, or are refused.",
    )
    advertised_address: Address | None = Field(
        default=None, description="Address to give to peers in Contact and Via, where it is not the one listened on."
    )
    advertised_ports: tuple[Annotated[str, Field(pattern=r"^(udp|tcp|tls|ws|wss):[0-9]{1,5}$")], ...] = Field(
        default=(), description="Ports to give to peers where a NAT has changed them, such as `tls:15061`."
    )
    local_networks: tuple[Network, ...] = Field(
        default=_LOOPBACK, description="Address ranges whose peers are told the address of the socket instead."
    )
    also_listen: tuple[Address, ...] = Field(
        default=(), description="Further IP addresses to listen on, at the same ports. `::` is every one of IPv6."
    )
    tls_port: Port | None = Field(
        default=None, description="Port for SIP over TLS; 5061 is the usual one. Not set: off."
    )
    ws_port: Port | None = Field(
        default=None, description="Port for SIP over WebSocket (RFC 7118), in the clear. Not set: off."
    )
    wss_port: Port | None = Field(default=None, description="Port for SIP over WebSocket and TLS. Not set: off.")
    udp: bool = Field(default=True, description="Listen on UDP.")
    tcp: bool = Field(
        default=True,
        description="Listen on TCP. With UDP and TCP off there is TCP on the loopback alone, for the server itself.",
    )
    ws_origins: tuple[Annotated[str, Field(pattern=r"^(\*|https?://[^\s/]+)$")], ...] = Field(
        default=(),
        description="Web sites whose pages may open a WebSocket, such as `https://phone.example.com`, beside those of"
        " this host; `*` is all.",
    )
    tls_certificate: Path | None = Field(
        default=None,
        description="PEM file of this server's certificate and those that lead to its authority. Without it a"
        " self-signed one is made at the first start, in the directory of the store.",
    )
    tls_key: Path | None = Field(default=None, description="PEM file of its private key, without a passphrase.")
    tls_name: str | None = Field(
        default=None,
        pattern=r"^[A-Za-z0-9]([A-Za-z0-9.\-]*[A-Za-z0-9])?$",
        max_length=253,
        description="Name of this server in its certificate, to give to peers in Contact and Via over TLS.",
    )
    tls_ca: Path | None = Field(
        default=None,
        description="PEM file of the authorities whose certificates are believed. Without it: those of the system.",
    )
    tls_verify_clients: bool = Field(
        default=False, description="Mutual TLS: refuse peers without a certificate of `tls_ca`."
    )
    max_connections: int = Field(
        default=2_000, ge=1, le=1_000_000, description="Connections (TCP, TLS, WebSocket) that peers may have open."
    )
    max_connections_per_address: int = Field(default=200, ge=1, le=1_000_000, description="The same, for one address.")
    reliable: Literal["never", "supported", "required"] = Field(
        default="supported",
        description="Whether provisional answers are acknowledged (100rel, RFC 3262): never, where both sides can, or"
        " not without.",
    )
    session_expires: int = Field(
        default=1_800, ge=0, le=86_400,
        description="Seconds in which a call must be refreshed, or it ends (RFC 4028); 90 at least. 0: never.",
    )  # fmt: skip
    min_se: int = Field(default=90, ge=90, le=86_400, description="The least of such seconds that others may ask for.")
    user_agent: str = Field(
        default="Ringback", min_length=1, max_length=100, pattern=r"^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$",
        description="Name in the Server and User-Agent headers.",
    )  # fmt: skip

    @field_validator("advertised_ports")
    @classmethod
    def _ports(cls, ports: tuple[str, ...]) -> tuple[str, ...]:
        for text in ports:
            if not 0 < int(text.rpartition(":")[2]) <= 65535:
                raise ValueError("should have ports of 1 to 65535")
        return ports

    @field_validator("tls_verify_clients")
    @classmethod
    def _authority(cls, verify: bool, info: ValidationInfo) -> bool:
        if verify and info.data.get("tls_ca") is None:
            raise ValueError("should have sip.tls_ca beside it: else everybody with any certificate would be let in")
        return verify

    @field_validator("session_expires")
    @classmethod
    def _shortest_session(cls, seconds: int) -> int:
        if 0 < seconds < 90:
            raise ValueError("should be 90 or more, or 0 for never")
        return seconds

    @field_validator("min_se")
    @classmethod
    def _least_session(cls, least: int, info: ValidationInfo) -> int:
        if 0 < info.data.get("session_expires", 0) < least:
            raise ValueError("should not be more than sip.session_expires")
        return least

    @field_validator("tcp")
    @classmethod
    def _one_transport(cls, tcp: bool, info: ValidationInfo) -> bool:
        if not tcp and not any(info.data.get(name) for name in ("udp", "tls_port", "ws_port", "wss_port")):
            raise ValueError("should be true where udp is false and no other port is set: nothing would be listened on")
        return tcp


class MediaSettings(_Section):
    """Where the audio of calls goes."""

    host: Address = Field(default="127.0.0.1", description="Address of the RTP sockets.")
    advertised_address: Address | None = Field(
        default=None, description="Address to give to peers in SDP, where it is not that of the sockets."
    )
    port_min: int = Field(default=20000, ge=1024, le=65534, description="First port for RTP; even.")
    port_max: int = Field(
        default=29998, ge=1024, le=65534, description="Last port for RTP; even. RTCP has the one after it."
    )
    workers: Annotated[int, Field(ge=1, le=256)] | Literal["auto"] = Field(
        default=1, description="Processes that handle audio, 500 to 1,000 calls each. `auto` is one for each core."
    )
    rtp_timeout: float = Field(
        default=30,
        gt=0,
        le=86400,
        description="Seconds without audio after which the caller's phone is asked for a sign of life. A call ends when"
        " none comes, and when there is no audio five times as long, unless it is on hold.",
    )
    clip_memory_mb: int = Field(
        default=256, ge=16, le=2**20, description="Megabytes of each worker for audio that is played; 1 MB is a minute."
    )

    @field_validator("port_min", "port_max")
    @classmethod
    def _even_and_in_order(cls, port: int, info: ValidationInfo) -> int:
        if port % 2:
            raise ValueError(
                "should be even: RTP has the even ports, RTCP the odd ones after them (RFC 3550 section 11)"
            )
        if info.field_name == "port_max" and port < info.data.get("port_min", 0):
            raise ValueError(f"should not be less than media.port_min, which is {info.data['port_min']}")
        return port

    def worker_count(self, cores: int) -> int:
        """Return how many processes to start on a machine with that many cores."""
        return max(1, cores) if self.workers == "auto" else self.workers


class WebhookSettings(_Section):
    """Requests to applications."""

    connect_timeout: float = Field(default=5, gt=0, le=300, description="Seconds that a connection may take.")
    total_timeout: float = Field(
        default=15, gt=0, le=300, description="Seconds that a request may take, answer included."
    )
    max_document_bytes: int = Field(
        default=64 * 1024, ge=1024, le=2**24, description="Longest TwiML document that is read."
    )
    max_media_bytes: int = Field(
        default=40 * 2**20, ge=1024, le=2**31, description="Largest audio file that is fetched for `<Play>`."
    )
    allow_private: tuple[Network, ...] = Field(
        default=_LOOPBACK,
        description="Private address ranges that requests may go to. Without it, a document could make this server"
        " reach into your network.",
    )
    ca_file: Path | None = Field(
        default=None,
        description="File of further certificate authorities (PEM) to trust, beside those of the system. A relative"
        " one is relative to the settings file.",
    )
    verify_certificates: bool = Field(
        default=True, description="Refuse servers without a valid certificate. Turn it off for development only."
    )
    cache_mb: int = Field(
        default=512, ge=0, le=2**20, description="Megabytes of answers to GET kept on disk (RFC 9111). 0 keeps none."
    )


class CallSettings(_Section):
    """Limits of calls, and how their numbers are read."""

    default_region: str = Field(
        default="US",
        pattern=r"^[A-Z]{2}$",
        description="Country (ISO 3166, two capitals) of numbers dialled without `+`.",
    )
    max_duration: float = Field(default=14400, gt=0, le=604800, description="Seconds after which a call is ended.")
    per_second: float = Field(
        default=10,
        gt=0,
        le=10_000,
        description="Calls that are made in a second for each account, where the account has no figure of its own;"
        " further ones wait for their turn.",
    )
    max_concurrent: int = Field(
        default=500, ge=1, le=100_000, description="Calls at once; further ones are refused as busy."
    )
    max_delay_ms: int = Field(
        default=500, ge=0, le=60_000,
        description="How late the server may be, in the mean, before calls that come in get 503. 0: no limit.",
    )  # fmt: skip
    outbound_prefixes: tuple[Prefix, ...] = Field(
        default=(),
        description="How numbers may begin that accounts call by a trunk: `+1`, `+4420`, or `*` for all. None until set"
        "; `ringback trunks allow` adds some for one account.",
    )
    outbound_hosts: tuple[str, ...] = Field(
        default=("127.0.0.1", "::1", "localhost"),
        description="Hosts that SIP addresses may be called at, such as by `<Dial><Sip>`. `*` is any.",
    )


class PhoneSettings(_Section):
    """Phones that register at this server."""

    realm: str = Field(
        default="ringback",
        pattern=r"^[\x21\x23-\x5b\x5d-\x7e]([\x20\x21\x23-\x5b\x5d-\x7e]*[\x21\x23-\x5b\x5d-\x7e])?$",
        max_length=100,
        description="Name that their passwords are for. To change it makes every password of a phone invalid.",
    )
    algorithms: tuple[Literal["MD5", "SHA-256", "SHA-512-256"], ...] = Field(
        default=("MD5",),
        min_length=1,
        description="How passwords are proven, the preferred one first. Many phones fail when the first is not MD5.",
    )
    domains: tuple[str, ...] = Field(
        default=(), description="Names of this server in SIP addresses, beside the addresses that it listens on."
    )
    min_expires: int = Field(default=60, ge=10, le=86400, description="Shortest registration, in seconds.")
    max_expires: int = Field(default=3600, ge=10, le=86400, description="Longest registration, in seconds.")
    default_expires: int = Field(
        default=600, ge=10, le=86400, description="Seconds of a registration that asks for no time."
    )
    per_user: int = Field(default=10, ge=1, le=1000, description="Phones that may register by one name.")
    keepalive: float = Field(
        default=25,
        ge=0,
        le=3600,
        description="Seconds between signs of life to phones behind NAT, which keep the way to them open; 0: none.",
    )


class GuardSettings(_Section):
    """Who is not heard for a time: scanners, and whoever guesses passwords. Addresses in `sip.allow` are not judged."""

    wrong_passwords: int = Field(default=5, ge=1, le=1000, description="So many wrong passwords block an address.")
    users: int = Field(default=8, ge=1, le=100_000, description="Asking for more users than that blocks it, too.")
    window: float = Field(default=600, gt=0, le=86400, description="Seconds in which both are counted.")
    block_seconds: float = Field(default=3600, gt=0, le=31_536_000, description="For how long an address is blocked.")
    requests_per_second: float = Field(
        default=10, gt=0, le=100_000, description="Requests of one address that has proven nothing; more get no answer."
    )
    burst: int = Field(default=50, ge=1, le=100_000, description="So many may come at once.")
    allow: tuple[Network, ...] = Field(default=(), description="Address ranges that are never judged.")


class MessageSettings(_Section):
    """Messages in and out."""

    smart_encoding: bool = Field(
        default=True,
        description="Replace characters that look like those of the GSM alphabet, such as curly quotes, where that"
        " makes a message shorter and its sender doesn't say.",
    )
    opt_out: bool = Field(
        default=True,
        description="Handle STOP, START and HELP: whoever sends STOP gets no more messages from that number (21610)."
        " Numbers of the 2008-08-01 API leave that to their applications.",
    )
    number_rate: float = Field(
        default=0, ge=0, le=10_000, description="Messages a second that one number sends; more wait. 0 is no limit."
    )
    max_queued: int = Field(
        default=100_000, ge=1, le=10**8, description="Messages that may wait to be sent; more are refused (21611)."
    )
    segment_timeout: float = Field(
        default=300, gt=0, le=86400,
        description="Seconds to wait for the other segments of a message; then what there is of it is taken (30009).",
    )  # fmt: skip


class SpeechSettings(_Section):
    """Speech from text."""

    cache_mb: int = Field(
        default=500, ge=0, le=2**20, description="Megabytes of speech kept for the next time it is said."
    )
    default_voice: str = Field(
        default="man",
        min_length=1,
        max_length=100,
        description="Voice of `<Say>` where it asks for none, or for `man`.",
    )
    language: str = Field(
        default="en",
        pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$",
        description="Language of `<Say>` where neither it nor its voice says one.",
    )
    transcription_language: str = Field(
        default="en",
        pattern=r"^([a-z]{2,3}|auto)$",
        description="Language of recordings that are transcribed, such as `de`; `auto` finds it out for each.",
    )


class HttpSettings(_Section):
    """The REST API, and whatever else is spoken over HTTP."""

    host: Address = Field(default="127.0.0.1", description="Address to listen on. `0.0.0.0` is every IPv4 address.")
    port: int = Field(default=8080, ge=0, le=65535, description="Port to listen on. 0 takes a free one.")
    public_url: str | None = Field(
        default=None,
        pattern=r"^https?://[^\s/]+(/[^\s]*)?$",
        description="Where applications reach the server, such as `https://voice.example.com`; it begins the URLs of"
        " recordings. Default: the address listened on.",
    )
    max_body_bytes: int = Field(default=65_536, ge=1024, le=2**24, description="Largest body of a request.")
    max_concurrent: int = Field(
        default=100, ge=1, le=10_000, description="Requests of one account at once; further ones get status 429."
    )
    requests_per_second: float = Field(
        default=0, ge=0, le=1_000_000, description="Requests of one account in a second, on average. 0 is no limit."
    )
    failures_per_minute: int = Field(
        default=30, ge=1, le=100_000, description="Wrong credentials from one address in a minute before it is refused."
    )
    recordings_need_credentials: bool = Field(
        default=True,
        description="Give the audio of recordings to nobody without credentials, by 2010-04-01. By 2008-08-01 it never"
        " needs them.",
    )


class StorageSettings(_Section):
    """Where things are kept."""

    directory: Path = Field(
        default=Path("~/.local/share/ringback"),
        description="Directory of the database and of audio. A relative one is relative to the settings file."
        " `$XDG_DATA_HOME/ringback` where that variable is set.",
    )
    url: str | None = Field(
        default=None,
        pattern=r"^postgres(ql)?://.+$",
        description="A PostgreSQL database (`postgresql://user:password@host/name`) in place of the SQLite file in the"
        " directory. Audio and the key of secrets stay in the directory.",
    )

    @field_validator("directory")
    @classmethod
    def _a_path(cls, path: Path) -> Path:
        if "\0" in str(path) or not str(path).strip():
            raise ValueError("should be the path of a directory")
        return path

    @property
    def database(self) -> str | Path:
        """The database: a URL, or the path of its file."""
        return self.url or self.directory / "ringback.db"

    @property
    def answers(self) -> Path:
        """The directory of answers of applications that are kept (`ringback.webhooks.cache`)."""
        return self.directory / "cache"

    @property
    def clips(self) -> Path:
        """The directory of audio that was fetched or made, ready to play."""
        return self.directory / "clips"


class LogSettings(_Section):
    """What the server tells about itself, on standard error."""

    level: Literal["debug", "info", "warning", "error"] = Field(default="info", description="The least that is told.")
    format: Literal["text", "json"] = Field(
        default="text", description="`text` for people, `json` for programs: one object a line."
    )


class Settings(_Section):
    """All settings, by section. They never change while the server runs."""

    sip: SipSettings = SipSettings()
    media: MediaSettings = MediaSettings()
    webhooks: WebhookSettings = WebhookSettings()
    calls: CallSettings = CallSettings()
    phones: PhoneSettings = PhoneSettings()
    guard: GuardSettings = GuardSettings()
    messages: MessageSettings = MessageSettings()
    speech: SpeechSettings = SpeechSettings()
    http: HttpSettings = HttpSettings()
    storage: StorageSettings = StorageSettings()
    log: LogSettings = LogSettings()
    trunks: Mapping[str, TrunkSettings] = {}
    """Those of the settings file, by name. No section: there are as many as somebody writes."""

    @classmethod
    def load(cls, config: Path | None, env: Mapping[str, str]) -> Loaded:
        """Read the settings: the file, the environment over it, the defaults under both.

        The file is `config`, else the one that RINGBACK_CONFIG names, else `ringback.toml` in the working directory
        if it is there. Raises SettingsError, with every problem that was found.
        """
        from ringback.app.settings_sources import load

        return load(config, env)


@dataclass(frozen=True, slots=True)
class Loaded:
    """Settings and where they come from."""

    settings: Settings
    sources: Mapping[str, str]
    """For each setting (`sip.port`): `default`, the name of the file, or `environment RINGBACK_SIP__PORT`."""
    file: Path | None
    """The file that was read, if there was one."""


@dataclass(frozen=True, slots=True)
class SettingInfo:
    """What there is to know of one setting."""

    section: str
    name: str
    annotation: Any
    default: Any
    description: str

    @property
    def key(self) -> str:
        """Its full name, such as `sip.port`."""
        return f"{self.section}.{self.name}"

    @property
    def variable(self) -> str:
        """The variable of the environment that sets it."""
        return f"RINGBACK_{self.section}__{self.name}".upper()


def catalogue() -> list[SettingInfo]:
    """Return every setting, in the order of the classes above."""
    return [
        SettingInfo(section, name, Annotated[field.annotation, field], field.default, field.description or "")
        for section, model in sections().items()
        for name, field in model.model_fields.items()
    ]


def sections() -> dict[str, type[BaseModel]]:
    """Return the class of each section."""
    return {name: type(field.default) for name, field in Settings.model_fields.items() if name != "trunks"}

"""The settings of a trunk, as they stand in `[trunks.NAME]` of the settings file and in the store."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping
from ipaddress import ip_network
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, ValidationError, model_validator
from pydantic_core import ErrorDetails

from ringback.calls.trunks import Gateway, TrunkConfig
from ringback.sip.fields import FieldError, parse_uri

SECRETS = ("password", "inbound_password")
"""Those that are encrypted in the store and shown nowhere."""
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}")
CODECS = ("PCMU", "PCMA")
_PREFIX = "RINGBACK_TRUNKS__"


def sip_uri(text: str) -> str:
    """Return the URI of a gateway; `gw.example:5070` is taken for `sip:gw.example:5070`. Raises ValueError."""
    uri = text.strip()
    if not re.match(r"sips?:", uri, re.IGNORECASE):
        uri = f"sip:{uri}"
    try:
        host = parse_uri(uri).host
    except FieldError as error:
        raise ValueError(f"should be a SIP address such as sip:gw.example;transport=tcp ({error})") from error
    if not host or not uri.isprintable() or " " in uri:
        raise ValueError("should be a SIP address such as sip:gw.example;transport=tcp")
    return uri


def _range(text: str) -> str:
    try:
        return str(ip_network(text.strip()))
    except ValueError as error:
        raise ValueError(f'should be an address range such as "192.0.2.0/24" ({error})') from error


def is_prefix(text: str) -> bool:
    """Tell whether numbers can begin so; `*` alone stands for all."""
    return text == "*" or re.fullmatch(r"\+?[0-9*#]*", text) is not None


def _prefix(text: str) -> str:
    if not is_prefix(text):
        raise ValueError('should be the beginning of a number such as "+44", or empty for all numbers')
    return text


def _header(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9-]+: [\x20-\x7e]*", text):
        raise ValueError('should be a header line such as "X-Customer: 7"')
    return text


def _plain(text: str) -> str:
    if not text.isprintable():
        raise ValueError("should be printable text")
    return text


SipUri = Annotated[str, AfterValidator(sip_uri)]
Range = Annotated[str, AfterValidator(_range)]
Prefix = Annotated[str, AfterValidator(_prefix)]
Header = Annotated[str, AfterValidator(_header)]
Plain = Annotated[str, AfterValidator(_plain)]


class GatewaySettings(BaseModel):
    """A gateway with its place among the others."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    uri: SipUri
    priority: int = Field(default=1, ge=0, le=65535)
    weight: int = Field(default=1, ge=0, le=65535)


class TrunkSettings(BaseModel):
    """A line to another telephone network."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    gateways: tuple[SipUri | GatewaySettings, ...] = Field(
        default=(),
        max_length=32,
        description='SIP addresses of its machines, tried in this order; `{ uri = "…", priority = 1, weight = 2 }`'
        " shares the calls among those of one priority. Without any, calls only come in.",
    )
    username: Plain = Field(default="", max_length=100, description="Name to log in with.")
    password: SecretStr = Field(default=SecretStr(""), description="Password to log in with.")
    registration: bool = Field(
        default=False, description="Register at the trunk, so that it knows where to send calls."
    )
    registrars: tuple[SipUri, ...] = Field(
        default=(), max_length=32, description="Where to register, if that is not at the gateways."
    )
    expires: int = Field(default=600, ge=60, le=86400, description="Seconds of a registration.")
    domain: Plain = Field(default="", max_length=255, description="Host in From; default: that of the first gateway.")
    prefixes: tuple[Prefix, ...] = Field(
        default=("",), description="Numbers that begin so go this way; the longest prefix of all trunks wins."
    )
    priority: int = Field(default=1, ge=0, le=65535, description="Among trunks of an equally long prefix; 1 is first.")
    number_format: Literal["e164", "plain", "national"] = Field(
        default="e164", description="Numbers as `+14155550100`, `14155550100`, or as dialled in `region`."
    )
    region: str = Field(default="US", pattern=r"^[A-Z]{2}$", description="The country of the trunk (ISO 3166).")
    strip: str = Field(default="", max_length=20, description="Taken off the front of numbers, once formatted.")
    prefix: str = Field(default="", max_length=20, description="Put before them.")
    caller_id: Literal["from", "pai", "rpid"] = Field(
        default="from", description="The caller's number in From, P-Asserted-Identity or Remote-Party-ID."
    )
    caller_number: Plain = Field(default="", max_length=50, description="The number that all its calls show.")
    codecs: tuple[Literal["PCMU", "PCMA"], ...] = Field(
        default=("PCMU", "PCMA"), min_length=1, description="What to offer, the preferred one first."
    )
    srtp: Literal["off", "offered", "required"] = Field(default="off", description="Encryption of the audio (SDES).")
    max_calls: int = Field(default=0, ge=0, le=100_000, description="Calls at once; 0 is without limit.")
    calls_per_second: float = Field(default=0, ge=0, le=10_000, description="New calls a second; 0 is without limit.")
    inbound: tuple[Range, ...] = Field(
        default=(), description="Address ranges that its calls come from; default: gateways that are IP addresses."
    )
    inbound_username: Plain = Field(
        default="", max_length=100, description="Name that its calls log in with, from any address."
    )
    inbound_password: SecretStr = Field(default=SecretStr(""), description="Password that they log in with.")
    headers: tuple[Header, ...] = Field(
        default=(), max_length=20, description='More headers of calls that go out, such as `"X-Customer: 7"`.'
    )
    options_interval: float = Field(
        default=60, ge=0, le=86400, description="Seconds between questions whether gateways are alive; 0 asks none."
    )

    @model_validator(mode="after")
    def _whole(self) -> TrunkSettings:
        if self.registration and not (self.gateways or self.registrars):
            raise ValueError("should have gateways or registrars where registration is true")
        if self.registration and not self.username:
            raise ValueError("should have a username where registration is true")
        if bool(self.inbound_username) != bool(self.inbound_password.get_secret_value()):
            raise ValueError("should have both inbound_username and inbound_password, or neither")
        if not (self.gateways or self.inbound or self.inbound_username):
            raise ValueError("should have gateways, or inbound addresses, or an inbound_username")
        return self

    def config(self, name: str) -> TrunkConfig:
        """Return it as the switch has it."""
        gateways = tuple(
            Gateway(gateway, place)
            if isinstance(gateway, str)
            else Gateway(gateway.uri, gateway.priority, gateway.weight)
            for place, gateway in enumerate(self.gateways, start=1)
        )
        same = {
            field: getattr(self, field)
            for field in (
                "username", "registrars", "expires", "domain", "prefixes", "priority", "number_format", "region",
                "strip", "prefix", "caller_id", "caller_number", "codecs", "srtp", "max_calls", "calls_per_second",
                "inbound_username", "options_interval",
            )
        }  # fmt: skip
        return TrunkConfig(
            name=name,
            gateways=gateways,
            password=self.password.get_secret_value(),
            inbound_password=self.inbound_password.get_secret_value(),
            register=self.registration,
            inbound=tuple(ip_network(text) for text in self.inbound),
            headers=tuple((name, value) for name, _, value in (line.partition(": ") for line in self.headers)),
            **same,
        )

    def stored(self) -> tuple[dict[str, Any], dict[str, str]]:
        """Return what the store keeps: what differs from the defaults, and the passwords apart from it."""
        secrets = {name: text for name in SECRETS if (text := getattr(self, name).get_secret_value())}
        settings = self.model_dump(mode="json", exclude_defaults=True, exclude=set(SECRETS))
        return settings, secrets


def read_trunks(
    tables: Mapping[str, Any], env: Mapping[str, str], problems: list[str], *, where: str = "settings"
) -> dict[str, TrunkSettings]:
    """Read the trunks of a settings file, `RINGBACK_TRUNKS__NAME__SETTING` of the environment over them.

    Adds what is wrong to `problems`, each with `where` it is.
    """
    merged: dict[str, dict[str, Any]] = {}
    for name, table in tables.items():
        if not NAME.fullmatch(name) or not isinstance(table, dict):
            problems.append(f"{where}: trunks.{name} should be a table [trunks.NAME] with a name of letters and digits")
        else:
            merged[name] = dict(table)
    _from_environment(merged, env, problems)
    trunks: dict[str, TrunkSettings] = {}
    for name, values in merged.items():
        try:
            trunks[name] = TrunkSettings.model_validate_json(json.dumps(values, default=str), strict=True)
        except (ValidationError, ValueError) as error:
            details = error.errors(include_url=False, include_input=False) if isinstance(error, ValidationError) else []
            problems += [f"{where}: {_told(name, detail)}" for detail in details[:10]] or [f"{where}: trunks.{name}"]
    return trunks


def _from_environment(merged: dict[str, dict[str, Any]], env: Mapping[str, str], problems: list[str]) -> None:
    names = {name.upper().replace("-", "_"): name for name in merged}
    for variable, text in sorted(env.items()):
        if not (variable.startswith(_PREFIX) and text):
            continue
        name, _, setting = variable.removeprefix(_PREFIX).rpartition("__")
        if name not in names or setting.lower() not in TrunkSettings.model_fields:
            problems.append(f"environment {variable}: there is no such trunk in the settings file, or no such setting")
            continue
        try:
            value: Any = json.loads(text) if text[0] in "[{" or text in ("true", "false") else text
        except ValueError:
            value = text
        kind = TrunkSettings.model_fields[setting.lower()].annotation
        if kind in (int, float) and re.fullmatch(r"[0-9]+(\.[0-9]+)?", text):
            value = float(text) if "." in text else int(text)
        merged[names[name]][setting.lower()] = value


def is_trunk_variable(variable: str) -> bool:
    """Tell whether a variable of the environment sets something of a trunk."""
    return variable.startswith(_PREFIX)


def _told(name: str, details: ErrorDetails) -> str:
    place = ".".join(str(part) for part in ("trunks", name, *details["loc"][:1]))
    message = re.sub("^(Value error, |Input |String )", "", details["msg"])
    if details["type"] == "extra_forbidden":
        known = sorted(TrunkSettings.model_fields)
        return f"there is no setting {place}; a trunk has {', '.join(known)}"
    return f"{place} {message}"


def trunk_tables(text: str) -> Mapping[str, Any]:
    """Return the tables of `[trunks.NAME]` in the text of a settings file; none where it is not TOML."""
    if "trunks" not in text:
        return {}
    try:
        tables = tomllib.loads(text).get("trunks", {})
    except (ValueError, RecursionError):
        return {}
    return tables if isinstance(tables, dict) else {}


__all__ = [
    "NAME",
    "SECRETS",
    "TrunkSettings",
    "is_prefix",
    "is_trunk_variable",
    "read_trunks",
    "sip_uri",
    "trunk_tables",
]

"""What several resources need: their own records, names, URLs, formatted numbers."""

from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any, Final, TypeVar

import phonenumbers

from ringback.model.sids import is_sid
from ringback.rest.errors import not_found
from ringback.rest.operations import Request
from ringback.rest.parameters import Parameter
from ringback.storage.records import Key, RecordStore

R = TypeVar("R")

FRIENDLY_NAME: Final = Parameter("FriendlyName", code=20002, most=64)
NUMBER_PATTERN: Final = r"[+0-9A-Za-z* ().\-]+"


CAPABILITIES: Final = {
    "type": "object",
    "properties": {name: {"type": "boolean"} for name in ("voice", "sms", "mms", "fax")},
    "required": ["voice", "sms", "mms", "fax"],
}
"""The schema of what a number can do."""


def none(record: Any) -> None:
    """Read what this server never has."""


def fixed(value: Any) -> Callable[[Any], Any]:
    """Read what is the same for all."""

    def read(record: Any) -> Any:
        return value

    return read


async def own(request: Request, store: RecordStore[R], key: Key, prefix: str = "") -> R:
    """Return a record of the account. Raises RestError 20404 where there is none, or it is another account's."""
    sid = key if isinstance(key, str) else key[0]
    record = await store.get(key) if is_sid(sid, prefix) else None
    if record is None or record.account_sid != request.account.sid:  # type: ignore[attr-defined]
        raise not_found(request.operation.path.format_map(request.path))
    return record


def chosen(request: Request, names: Iterable[str]) -> dict[str, Any]:
    """Return those parameters that were given; an empty one unsets what it names."""
    return {name: request.values[name] or None for name in names if name in request.values}


def webhook(name: str, code: int = 21402, to: str = "") -> tuple[Parameter, Parameter]:
    """Return the parameters of a URL that is asked, and of its method: `VoiceUrl`, `VoiceMethod`."""
    method = name.removesuffix("Url") + "Method"
    return (
        Parameter(name, "url", code=code, empty=True, to=to),
        Parameter(
            method, "method", code=21403 if code == 21402 else 21209, to=to and to.removesuffix("_url") + "_method"
        ),
    )


@lru_cache(maxsize=4096)
def formatted(number: str | None) -> str | None:
    """Write a number as people do: `(415) 555-0100`; what is no telephone number as it is."""
    if not number or not number.startswith("+"):
        return number
    try:
        parsed = phonenumbers.parse(number, None)
    except phonenumbers.NumberParseException:
        return number
    style = phonenumbers.PhoneNumberFormat
    return str(phonenumbers.format_number(parsed, style.NATIONAL if parsed.country_code == 1 else style.INTERNATIONAL))

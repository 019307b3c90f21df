"""Who may call whom: the ends of an outgoing call, checked."""

import re
from typing import Final

from ringback.model.numbers import normalise
from ringback.rest.errors import refused
from ringback.rest.operations import Request

_CLIENT: Final = re.compile(r"client:[A-Za-z0-9_.@+\-]{1,121}")
_SIP: Final = re.compile(r"sips?:[^\s<>\"]{1,250}", re.IGNORECASE)
_NUMBER: Final = re.compile(r"\+?[0-9]{2,15}")


def is_number(end: str) -> bool:
    """Tell whether an end of a call is a telephone number, rather than an address."""
    return _NUMBER.fullmatch(end) is not None


def callee(text: str, request: Request) -> str:
    """Return who is called, in the stored form: a number, `client:…` or `sip:…`. Raises RestError 21211."""
    text = text.strip()
    if _CLIENT.fullmatch(text) or _SIP.fullmatch(text):
        return text
    number = normalise(text, request.services.settings.region)
    if not is_number(number):
        raise refused(21211, f"To '{text[:100]}' is not valid: it is a number, client:… or sip:…")
    return number


async def allowed_caller(request: Request, text: str, to: str) -> tuple[str, str | None]:
    """Return the caller id in its stored form, and the sid of the number or validated caller id that it is.

    To telephone numbers only numbers of the account, or validated ones, may be shown (21210); clients and SIP addresses
    may be shown anything. Raises RestError.
    """
    text = text.strip()
    database = request.services.database
    number = normalise(text, request.services.settings.region)
    owned = await database.numbers.get_by_number(number)
    owners = {request.account.sid, request.account.owner_account_sid}
    if owned is not None and owned.account_sid in owners:
        return number, owned.sid
    if is_number(number):
        for owner in owners - {None}:
            validated = await database.caller_ids.of_number(str(owner), number)
            if validated is not None:
                return number, validated.sid
    if not is_number(to):
        valid = is_number(number) or _CLIENT.fullmatch(text) or _SIP.fullmatch(text) or re.fullmatch(r"[\w.\-+]+", text)
        if not valid:
            raise refused(21212, f"From '{text[:100]}' is not valid")
        return number, None
    if not is_number(number):
        raise refused(21212, f"From '{text[:100]}' is not valid: it is a number of this account")
    raise refused(21210, f"From '{text[:100]}' is neither a number of this account nor a validated caller id of it")

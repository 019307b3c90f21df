"""Accounts and subaccounts, API keys, the balance, and tokens for traversing networks."""

import hashlib
from typing import Any, Final

from ringback.model.provisioning import KeyRecord
from ringback.model.records import Account, AccountStatus
from ringback.model.sids import ACCOUNT, KEY, make_sid
from ringback.rest.errors import not_found, refused
from ringback.rest.operations import Listed, Operation, Request
from ringback.rest.parameters import Parameter
from ringback.rest.resources.common import FRIENDLY_NAME, own
from ringback.rest.shapes import (
    CREATED,
    TEXT,
    UPDATED,
    URI,
    Field,
    Link,
    Shape,
    enumeration,
    sid,
    words,
)
from ringback.storage.records import Page, Where

_BELOW: Final = {
    "available_phone_numbers": "AvailablePhoneNumbers", "calls": "Calls", "conferences": "Conferences",
    "incoming_phone_numbers": "IncomingPhoneNumbers", "notifications": "Notifications",
    "outgoing_caller_ids": "OutgoingCallerIds", "recordings": "Recordings", "transcriptions": "Transcriptions",
    "addresses": "Addresses", "signing_keys": "SigningKeys", "connect_apps": "ConnectApps", "sip": "SIP",
    "authorized_connect_apps": "AuthorizedConnectApps", "usage": "Usage", "keys": "Keys",
    "applications": "Applications", "short_codes": "SMS/ShortCodes", "queues": "Queues", "messages": "Messages",
    "balance": "Balance",
}  # fmt: skip


def _uri(account: Account) -> Link:
    return Link(f"/2010-04-01/Accounts/{account.sid}")


ACCOUNT_SHAPE: Final = Shape(
    "Account",
    "Accounts",
    "accounts",
    (
        Field("sid", sid("AC")),
        Field("friendly_name", TEXT),
        Field("status", enumeration(AccountStatus)),
        Field("type", words("Trial", "Full")),
        Field("auth_token", TEXT),
        Field("owner_account_sid", sid("AC"), lambda account: account.owner_account_sid or account.sid),
        CREATED,
        UPDATED,
        Field("uri", URI, _uri),
        Field(
            "subresource_uris",
            {"type": "object", "additionalProperties": {"type": "string"}},
            lambda account: {name: Link(f"{_uri(account)}/{path}") for name, path in _BELOW.items()},
        ),
    ),
)
KEY_SHAPE: Final = Shape(
    "Key", "Keys", "keys", (Field("sid", sid("SK")), Field("friendly_name", TEXT), CREATED, UPDATED)
)
SIGNING_KEY: Final = Shape("SigningKey", "SigningKeys", "signing_keys", KEY_SHAPE.fields)
NEW_KEY: Final = Shape("Key", "Keys", "keys", (*KEY_SHAPE.fields, Field("secret", TEXT)))
NEW_SIGNING_KEY: Final = Shape("SigningKey", "SigningKeys", "signing_keys", NEW_KEY.fields)
BALANCE: Final = Shape(
    "Balance",
    "Balances",
    "balances",
    (Field("account_sid", sid("AC")), Field("balance", TEXT), Field("currency", TEXT)),
)

STATUS: Final = Parameter("Status", "word", words=tuple(status.value for status in AccountStatus))
ROOT: Final = "/Accounts"


class _NewKey:
    """A key with its secret, which is shown this once."""

    def __init__(self, record: KeyRecord, secret: str) -> None:
        self.record, self.secret = record, secret

    def __getattr__(self, name: str) -> Any:
        return getattr(self.record, name)


async def listed(request: Request) -> Listed:
    """The account itself and its subaccounts."""
    page = request.page
    filters = [Where(one.column, one.op, one.value) for one in request.filters]
    found = await request.services.database.accounts.page(
        request.account.sid, filters, Page(page.limit + 1, page.offset, page.after)
    )
    items = found[: page.limit]
    last = (items[-1].date_created, items[-1].sid) if items else None
    return Listed(items, len(found) > page.limit, last, len(found))


async def create(request: Request) -> Account:
    """Make a subaccount."""
    parent = request.account
    if parent.owner_account_sid is not None:
        raise refused(20403, "A subaccount has no subaccounts of its own")
    entropy, now = request.services.entropy, request.now
    name = request.get("friendly_name") or f"SubAccount Created at {now:%Y-%m-%d %I:%M %p}".lower().capitalize()
    account = Account(make_sid(ACCOUNT, entropy(16)), entropy(16).hex(), name, now, owner_account_sid=parent.sid)
    await request.services.database.accounts.create(account)
    return account


async def fetch(request: Request) -> Account:
    """An account."""
    found = await request.services.database.accounts.get(request.account.sid)
    if found is None:
        raise not_found(request.account.sid)
    return found


async def update(request: Request) -> Account:
    """Rename an account, suspend, close or reactivate a subaccount."""
    account, database, now = request.account, request.services.database, request.now
    status = request.get("status")
    if status is not None and status != account.status:
        if account.owner_account_sid is None:
            raise refused(20403, "Only subaccounts can be suspended, closed or reactivated this way")
        if account.status is AccountStatus.CLOSED:
            raise refused(20409, "A closed account stays closed")
        await database.accounts.update(account.sid, status=AccountStatus(status), date_updated=now)
    if request.get("friendly_name"):
        await database.accounts.update(account.sid, friendly_name=request.get("friendly_name"), date_updated=now)
    assert request.services.access is not None
    request.services.access.forget(account.sid)
    return await fetch(request)


async def keys(request: Request) -> Listed:
    """The API keys of the account."""
    return await request.listed(request.services.database.keys)


async def create_key(request: Request) -> _NewKey:
    """Make an API key. Its secret is shown once, and kept nowhere."""
    entropy = request.services.entropy
    secret = entropy(16).hex()
    digest = hashlib.sha256(secret.encode()).hexdigest()
    record = KeyRecord(
        make_sid(KEY, entropy(16)), request.account.sid, request.get("friendly_name") or "", digest, request.now
    )
    await request.services.database.keys.create(record)
    return _NewKey(record, secret)


async def fetch_key(request: Request) -> KeyRecord:
    """An API key, without its secret."""
    return await own(request, request.services.database.keys, request.path["Sid"], KEY)


async def update_key(request: Request) -> KeyRecord:
    """Rename an API key."""
    key = await fetch_key(request)
    if "friendly_name" in request.values:
        await request.services.database.keys.update(
            key.sid, friendly_name=request.values["friendly_name"], date_updated=request.now
        )
    return await fetch_key(request)


async def delete_key(request: Request) -> None:
    """Take an API key back: requests with it are refused from now on."""
    key = await fetch_key(request)
    await request.services.database.keys.remove(key.sid)
    request.services.access.forget(key.sid)


async def balance(request: Request) -> Any:
    """Nothing is billed here: the balance is always zero."""
    return _Balance(request.account.sid)


class _Balance:
    balance = "0.00"
    currency = "USD"

    def __init__(self, account_sid: str) -> None:
        self.account_sid = account_sid


def _key_operations(path: str, noun: str, shape: Shape, made: Shape) -> tuple[Operation, ...]:
    base = f"/Accounts/{{AccountSid}}/{path}"
    name = (Parameter("FriendlyName", code=20002, most=64, empty=True),)
    return (
        Operation("GET", base, f"List{noun}", keys, shape, listed=True, main=True),
        Operation("POST", base, f"CreateNew{noun}", create_key, made, name, 201, main=True),
        Operation("GET", base + "/{Sid}", f"Fetch{noun}", fetch_key, shape, main=True),
        Operation("POST", base + "/{Sid}", f"Update{noun}", update_key, shape, name, main=True),
        Operation("DELETE", base + "/{Sid}", f"Delete{noun}", delete_key, status=204, main=True),
    )


OPERATIONS: Final = (
    Operation(
        "GET", ROOT, "ListAccount", listed, ACCOUNT_SHAPE,
        (Parameter("FriendlyName", most=64, filters="friendly_name"),
         Parameter("Status", "word", words=STATUS.words, filters="status")),
        listed=True, main=True,
    ),
    Operation("POST", ROOT, "CreateAccount", create, ACCOUNT_SHAPE, (FRIENDLY_NAME,), 201, main=True),
    Operation("GET", ROOT + "/{AccountSid}", "FetchAccount", fetch, ACCOUNT_SHAPE, main=True),
    Operation(
        "POST", ROOT + "/{AccountSid}", "UpdateAccount", update, ACCOUNT_SHAPE, (FRIENDLY_NAME, STATUS), main=True
    ),
    *_key_operations("Keys", "Key", KEY_SHAPE, NEW_KEY),
    *_key_operations("SigningKeys", "SigningKey", SIGNING_KEY, NEW_SIGNING_KEY),
    Operation("GET", "/Accounts/{AccountSid}/Balance", "FetchBalance", balance, BALANCE),
)  # fmt: skip

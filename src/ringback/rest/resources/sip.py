"""SIP domains, and the lists of credentials and of addresses that may call and register at them (clause 9.8)."""

import re
from collections.abc import Awaitable, Callable
from ipaddress import IPv4Address
from typing import Any, Final, TypeVar

from ringback.model.sids import ACCESS_ADDRESS, ACCESS_LIST, CREDENTIAL, CREDENTIAL_LIST, SIP_DOMAIN, make_sid
from ringback.model.sip_domains import (
    CALLS,
    REGISTRATIONS,
    AccessAddressRecord,
    AccessListRecord,
    CredentialListRecord,
    CredentialRecord,
    MappingRecord,
    SipDomainRecord,
)
from ringback.rest.errors import not_found, refused
from ringback.rest.operations import Listed, Operation, Request
from ringback.rest.parameters import Parameter
from ringback.rest.resources.common import chosen, fixed, own
from ringback.rest.shapes import (
    ACCOUNT_SID,
    BOOLEAN,
    CREATED,
    INTEGER,
    TEXT,
    UPDATED,
    Field,
    Shape,
    nullable,
    sid,
    subresources,
    uri,
    words,
)
from ringback.sip.auth import ha1
from ringback.storage.errors import StorageError
from ringback.storage.records import RecordStore, Where

R = TypeVar("R")

_NAME: Final = Field("friendly_name", TEXT)
_METHOD: Final = nullable(words("GET", "POST"))
_DOMAIN_PATH: Final = "SIP/Domains/{0.sid}"

DOMAIN: Final = Shape(
    "SipDomain",
    "SipDomains",
    "domains",
    (
        ACCOUNT_SID,
        Field("api_version", TEXT, fixed("2010-04-01")),
        Field("auth_type", TEXT),
        CREATED,
        UPDATED,
        Field("domain_name", TEXT),
        _NAME,
        Field("sid", sid(SIP_DOMAIN)),
        uri(_DOMAIN_PATH),
        Field("voice_fallback_method", _METHOD),
        Field("voice_fallback_url"),
        Field("voice_method", _METHOD),
        Field("voice_status_callback_method", _METHOD),
        Field("voice_status_callback_url"),
        Field("voice_url"),
        subresources(
            _DOMAIN_PATH,
            credential_list_mappings="CredentialListMappings",
            ip_access_control_list_mappings="IpAccessControlListMappings",
        ),
        Field("sip_registration", BOOLEAN),
        Field("emergency_calling_enabled", BOOLEAN),
        Field("secure", BOOLEAN),
        Field("byoc_trunk_sid", nullable(sid("BY"))),
        Field("emergency_caller_sid", nullable(sid("PN"))),
    ),
)
CREDENTIAL_LIST_SHAPE: Final = Shape(
    "SipCredentialList",
    "SipCredentialLists",
    "credential_lists",
    (
        ACCOUNT_SID,
        CREATED,
        UPDATED,
        _NAME,
        Field("sid", sid(CREDENTIAL_LIST)),
        subresources("SIP/CredentialLists/{0.sid}", credentials="Credentials"),
        uri("SIP/CredentialLists/{0.sid}"),
    ),
)
CREDENTIAL_SHAPE: Final = Shape(
    "SipCredential",
    "SipCredentials",
    "credentials",
    (
        Field("sid", sid(CREDENTIAL)),
        ACCOUNT_SID,
        Field("credential_list_sid", sid(CREDENTIAL_LIST)),
        Field("username", TEXT),
        CREATED,
        UPDATED,
        uri("SIP/CredentialLists/{0.credential_list_sid}/Credentials/{0.sid}"),
    ),
)
ACCESS_LIST_SHAPE: Final = Shape(
    "SipIpAccessControlList",
    "SipIpAccessControlLists",
    "ip_access_control_lists",
    (
        Field("sid", sid(ACCESS_LIST)),
        ACCOUNT_SID,
        _NAME,
        CREATED,
        UPDATED,
        subresources("SIP/IpAccessControlLists/{0.sid}", ip_addresses="IpAddresses"),
        uri("SIP/IpAccessControlLists/{0.sid}"),
    ),
)
ADDRESS_SHAPE: Final = Shape(
    "SipIpAddress",
    "SipIpAddresses",
    "ip_addresses",
    (
        Field("sid", sid(ACCESS_ADDRESS)),
        ACCOUNT_SID,
        _NAME,
        Field("ip_address", TEXT),
        Field("cidr_prefix_length", INTEGER),
        Field("ip_access_control_list_sid", sid(ACCESS_LIST)),
        CREATED,
        UPDATED,
        uri("SIP/IpAccessControlLists/{0.ip_access_control_list_sid}/IpAddresses/{0.sid}"),
    ),
)

_FRIENDLY: Final = Parameter("FriendlyName", code=20002, most=64)
_FRIENDLY_REQUIRED: Final = Parameter("FriendlyName", required=20002, code=20002, most=64)
_SETTINGS: Final = (
    _FRIENDLY,
    Parameter("VoiceUrl", "url", code=21402, empty=True),
    Parameter("VoiceMethod", "method", code=21403),
    Parameter("VoiceFallbackUrl", "url", code=21402, empty=True),
    Parameter("VoiceFallbackMethod", "method", code=21403),
    Parameter("VoiceStatusCallbackUrl", "url", code=21609, empty=True),
    Parameter("VoiceStatusCallbackMethod", "method", code=21403),
    Parameter("SipRegistration", "boolean"),
    Parameter("EmergencyCallingEnabled", "boolean", description="Kept, and without effect."),
    Parameter("Secure", "boolean", description="Kept, and without effect."),
    Parameter("ByocTrunkSid", "sid", prefix="BY", empty=True, description="Kept, and without effect."),
    Parameter("EmergencyCallerSid", "sid", prefix="PN", empty=True, description="Kept, and without effect."),
)
_HOST: Final = r"(?=.{3,253}$)[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*"
_KEPT: Final = tuple(parameter.target for parameter in _SETTINGS)
_URLS_OR_SIDS: Final = ("_url", "_sid")
_PASSWORD: Final = Parameter("Password", code=21243, most=256)
_USERNAME: Final = Parameter("Username", required=20422, most=32, pattern=r"[A-Za-z0-9][A-Za-z0-9._-]*")
_ADDRESS: Final = (
    Parameter("IpAddress", code=21241, most=50),
    # A range of more would open the server to half the world by a slip.
    Parameter("CidrPrefixLength", "integer", code=21241, least=8, most=32),
)


def _domain_name(text: str) -> Parameter:
    return Parameter("DomainName", code=21232, pattern=_HOST, required=21232 if text else None)


# -- domains ------------------------------------------------------------------------------------------------------


async def domain(request: Request, name: str = "Sid") -> SipDomainRecord:
    """One domain."""
    return await own(request, request.services.database.sip.domains, request.path[name], SIP_DOMAIN)


async def create_domain(request: Request) -> SipDomainRecord:
    """Make a domain."""
    values = _changes(request)
    host = request.values["domain_name"].lower()
    record = SipDomainRecord(
        make_sid(SIP_DOMAIN, request.services.entropy(16)),
        request.account.sid,
        host,
        values.pop("friendly_name", None) or host,
        request.now,
        **values,
    )
    try:
        await request.services.database.sip.domains.create(record)
    except StorageError as error:
        raise _taken(error, refused(21232, f"The domain name {host} is taken")) from error
    return record


async def update_domain(request: Request) -> SipDomainRecord:
    """Change a domain."""
    record, values = await domain(request), _changes(request)
    if "domain_name" in request.values:
        values["domain_name"] = request.values["domain_name"].lower()
    if values:
        try:
            await request.services.database.sip.domains.update(record.sid, **values, date_updated=request.now)
        except StorageError as error:
            raise _taken(error, refused(21232, f"The domain name {values.get('domain_name')} is taken")) from error
    return await domain(request)


async def delete_domain(request: Request) -> None:
    """Forget a domain."""
    await request.services.database.sip.domains.remove((await domain(request)).sid)


def _changes(request: Request) -> dict[str, Any]:
    values = chosen(request, [name for name in _KEPT if name.endswith(_URLS_OR_SIDS)])
    others = [name for name in _KEPT if not name.endswith(_URLS_OR_SIDS) and name in request.values]
    return values | {name: request.values[name] for name in others}


def _taken(error: StorageError, told: Exception) -> Exception:
    """What is told of a record that the store does not take: it is there already, or the store is not."""
    return error if error.unavailable else told


# -- lists --------------------------------------------------------------------------------------------------------


async def credential_list(request: Request) -> CredentialListRecord:
    """One list of credentials."""
    name = request.path.get("CredentialListSid") or request.path["Sid"]
    return await own(request, request.services.database.sip.credential_lists, name, CREDENTIAL_LIST)


async def access_list(request: Request) -> AccessListRecord:
    """One list of addresses."""
    name = request.path.get("IpAccessControlListSid") or request.path["Sid"]
    return await own(request, request.services.database.sip.access_lists, name, ACCESS_LIST)


async def create_credential_list(request: Request) -> CredentialListRecord:
    """Make a list of credentials."""
    record = CredentialListRecord(
        make_sid(CREDENTIAL_LIST, request.services.entropy(16)),
        request.account.sid,
        request.values["friendly_name"],
        request.now,
    )
    await request.services.database.sip.credential_lists.create(record)
    return record


async def create_access_list(request: Request) -> AccessListRecord:
    """Make a list of addresses."""
    record = AccessListRecord(
        make_sid(ACCESS_LIST, request.services.entropy(16)),
        request.account.sid,
        request.values["friendly_name"],
        request.now,
    )
    await request.services.database.sip.access_lists.create(record)
    return record


async def update_credential_list(request: Request) -> CredentialListRecord:
    """Rename a list of credentials."""
    record = await credential_list(request)
    await request.services.database.sip.rename(record.sid, request.values["friendly_name"])
    return await credential_list(request)


async def update_access_list(request: Request) -> AccessListRecord:
    """Rename a list of addresses."""
    record = await access_list(request)
    await request.services.database.sip.rename(record.sid, request.values["friendly_name"])
    return await access_list(request)


async def delete_credential_list(request: Request) -> None:
    """Forget a list of credentials, and what is in it."""
    await request.services.database.sip.remove_list((await credential_list(request)).sid)


async def delete_access_list(request: Request) -> None:
    """Forget a list of addresses, and what is in it."""
    await request.services.database.sip.remove_list((await access_list(request)).sid)


# -- what is in them ----------------------------------------------------------------------------------------------


async def credentials(request: Request) -> Listed:
    """The credentials of a list."""
    of = Where("credential_list_sid", "=", (await credential_list(request)).sid)
    return await request.listed(request.services.database.sip.credentials, of)


async def credential(request: Request) -> CredentialRecord:
    """One credential."""
    of = await credential_list(request)
    found = await own(request, request.services.database.sip.credentials, request.path["Sid"], CREDENTIAL)
    if found.credential_list_sid != of.sid:
        raise not_found(found.sid)
    return found


async def create_credential(request: Request) -> CredentialRecord:
    """Put a user name and a password into a list."""
    of, username = await credential_list(request), request.values["username"]
    record = CredentialRecord(
        sid=make_sid(CREDENTIAL, request.services.entropy(16)),
        account_sid=request.account.sid,
        credential_list_sid=of.sid,
        username=username,
        date_created=request.now,
        **_digests(request, username),  # type: ignore[arg-type]
    )
    try:
        await request.services.database.sip.credentials.create(record)
    except StorageError as error:
        raise _taken(error, refused(21236, f"The user name {username} is in this list already")) from error
    return record


async def update_credential(request: Request) -> CredentialRecord:
    """Give a credential another password."""
    record = await credential(request)
    if "password" in request.values:
        digests = _digests(request, record.username)
        await request.services.database.sip.credentials.update(record.sid, **digests, date_updated=request.now)
    return await credential(request)


async def delete_credential(request: Request) -> None:
    """Take a credential out of its list."""
    await request.services.database.sip.credentials.remove((await credential(request)).sid)


def _digests(request: Request, username: str) -> dict[str, str]:
    """What is kept of a password. Raises RestError 21243 for a weak one."""
    password = request.values.get("password", "")
    if len(password) < 12 or not all(re.search(kind, password) for kind in ("[0-9]", "[A-Z]", "[a-z]")):
        raise refused(21243)
    realm = request.services.settings.sip_realm
    return {
        "realm": realm,
        "ha1_md5": ha1("MD5", username, realm, password),
        "ha1_sha256": ha1("SHA-256", username, realm, password),
        "ha1_sha512_256": ha1("SHA-512-256", username, realm, password),
    }


async def addresses(request: Request) -> Listed:
    """The addresses of a list."""
    of = Where("ip_access_control_list_sid", "=", (await access_list(request)).sid)
    return await request.listed(request.services.database.sip.addresses, of)


async def address(request: Request) -> AccessAddressRecord:
    """One address."""
    of = await access_list(request)
    found = await own(request, request.services.database.sip.addresses, request.path["Sid"], ACCESS_ADDRESS)
    if found.ip_access_control_list_sid != of.sid:
        raise not_found(found.sid)
    return found


async def create_address(request: Request) -> AccessAddressRecord:
    """Put an address range into a list."""
    of = await access_list(request)
    record = AccessAddressRecord(
        make_sid(ACCESS_ADDRESS, request.services.entropy(16)),
        request.account.sid,
        of.sid,
        request.values["friendly_name"],
        _ip_address(request.values["ip_address"]),
        request.get("cidr_prefix_length", 32),
        request.now,
    )
    await request.services.database.sip.addresses.create(record)
    return record


async def update_address(request: Request) -> AccessAddressRecord:
    """Change an address range."""
    record, values = await address(request), dict(request.values)
    if "ip_address" in values:
        values["ip_address"] = _ip_address(values["ip_address"])
    if values:
        await request.services.database.sip.addresses.update(record.sid, **values, date_updated=request.now)
    return await address(request)


async def delete_address(request: Request) -> None:
    """Take an address range out of its list."""
    await request.services.database.sip.addresses.remove((await address(request)).sid)


def _ip_address(text: str) -> str:
    try:
        return str(IPv4Address(text.strip()))
    except ValueError as error:
        raise refused(21241, f"IpAddress '{text}' is not valid: it is one such as 192.0.2.1") from error


# -- mappings -----------------------------------------------------------------------------------------------------

Handler = Callable[[Request], Awaitable[Any]]


def _listed(store: Callable[[Request], RecordStore[Any]]) -> Handler:
    async def listed(request: Request) -> Listed:
        """Those of the account."""
        return await request.listed(store(request))

    return listed


def _mapping_operations(path: str, name: str, noun: str, kind: str, key: str) -> tuple[Operation, ...]:
    """The operations of the lists of one kind that count for a domain, at one of the paths that they have."""
    prefix = CREDENTIAL_LIST if noun == "CredentialList" else ACCESS_LIST
    base = "/Accounts/{AccountSid}/SIP/Domains/{DomainSid}" + path
    below = "SIP/Domains/{0.domain_sid}" + path + "/{0.list_sid}"
    own_domain = () if path.startswith("/Auth") else (Field("domain_sid", sid(SIP_DOMAIN)),)
    extra = () if path.startswith("/Auth") else (uri(below),)
    fields = (ACCOUNT_SID, CREATED, UPDATED, *own_domain, _NAME, Field("sid", sid(prefix)), *extra)
    shape = Shape(name, f"{name}s", key, fields)
    parameter = Parameter(f"{noun}Sid", "sid", required=20422, prefix=prefix, to="list_sid")

    async def listed(request: Request) -> Listed:
        """The lists that count for a domain."""
        of = Where("domain_sid", "=", (await domain(request, "DomainSid")).sid)
        these = (of, Where("kind", "=", kind), Where("list_sid", "like", f"{prefix}*"))
        return await request.listed(request.services.database.sip.mappings, *these)

    async def fetch(request: Request) -> MappingRecord:
        """One of them."""
        of = await domain(request, "DomainSid")
        sid_ = request.path["Sid"]
        found = await request.services.database.sip.mappings.get((of.sid, kind, sid_))
        if found is None or not sid_.startswith(prefix):
            raise not_found(sid_)
        return found

    async def create(request: Request) -> MappingRecord:
        """Let a list count for a domain."""
        of, sip = await domain(request, "DomainSid"), request.services.database.sip
        store: RecordStore[Any] = sip.credential_lists if prefix == CREDENTIAL_LIST else sip.access_lists
        mapped = await own(request, store, request.values["list_sid"], prefix)
        record = MappingRecord(of.sid, kind, mapped.sid, request.account.sid, mapped.friendly_name, request.now)
        try:
            await sip.map(record)
        except StorageError as error:
            raise _taken(error, refused(21231)) from error
        return record

    async def delete(request: Request) -> None:
        """Let a list count no more."""
        found = await fetch(request)
        await request.services.database.sip.unmap(found.domain_sid, kind, found.list_sid)

    return (
        Operation("GET", base, f"List{name}", listed, shape, listed=True),
        Operation("POST", base, f"Create{name}", create, shape, (parameter,), 201),
        Operation("GET", base + "/{Sid}", f"Fetch{name}", fetch, shape),
        Operation("DELETE", base + "/{Sid}", f"Delete{name}", delete, status=204),
    )


_A: Final = "/Accounts/{AccountSid}/SIP"
_DOMAINS: Final = _A + "/Domains"
_CREDENTIAL_LISTS: Final = _A + "/CredentialLists"
_CREDENTIALS: Final = _CREDENTIAL_LISTS + "/{CredentialListSid}/Credentials"
_ACCESS_LISTS: Final = _A + "/IpAccessControlLists"
_ADDRESSES: Final = _ACCESS_LISTS + "/{IpAccessControlListSid}/IpAddresses"
_NAMED: Final = (_FRIENDLY_REQUIRED,)
_NEW_PASSWORD: Final = Parameter("Password", required=21243, code=21243, most=256)
_NEW_ADDRESS: Final = Parameter("IpAddress", required=21241, code=21241, most=50)

OPERATIONS: Final = (
    Operation("GET", _DOMAINS, "ListSipDomain", _listed(lambda r: r.services.database.sip.domains), DOMAIN,
              listed=True),
    Operation("POST", _DOMAINS, "CreateSipDomain", create_domain, DOMAIN, (_domain_name("required"), *_SETTINGS), 201),
    Operation("GET", _DOMAINS + "/{Sid}", "FetchSipDomain", domain, DOMAIN),
    Operation("POST", _DOMAINS + "/{Sid}", "UpdateSipDomain", update_domain, DOMAIN, (_domain_name(""), *_SETTINGS)),
    Operation("DELETE", _DOMAINS + "/{Sid}", "DeleteSipDomain", delete_domain, status=204),
    *_mapping_operations("/CredentialListMappings", "SipCredentialListMapping", "CredentialList", CALLS,
                         "credential_list_mappings"),
    *_mapping_operations("/IpAccessControlListMappings", "SipIpAccessControlListMapping", "IpAccessControlList", CALLS,
                         "ip_access_control_list_mappings"),
    *_mapping_operations("/Auth/Calls/CredentialListMappings", "SipAuthCallsCredentialListMapping", "CredentialList",
                         CALLS, "contents"),
    *_mapping_operations("/Auth/Calls/IpAccessControlListMappings", "SipAuthCallsIpAccessControlListMapping",
                         "IpAccessControlList", CALLS, "contents"),
    *_mapping_operations("/Auth/Registrations/CredentialListMappings", "SipAuthRegistrationsCredentialListMapping",
                         "CredentialList", REGISTRATIONS, "contents"),
    Operation("GET", _CREDENTIAL_LISTS, "ListSipCredentialList",
              _listed(lambda r: r.services.database.sip.credential_lists), CREDENTIAL_LIST_SHAPE, listed=True),
    Operation("POST", _CREDENTIAL_LISTS, "CreateSipCredentialList", create_credential_list, CREDENTIAL_LIST_SHAPE,
              _NAMED, 201),
    Operation("GET", _CREDENTIAL_LISTS + "/{Sid}", "FetchSipCredentialList", credential_list, CREDENTIAL_LIST_SHAPE),
    Operation("POST", _CREDENTIAL_LISTS + "/{Sid}", "UpdateSipCredentialList", update_credential_list,
              CREDENTIAL_LIST_SHAPE, _NAMED),
    Operation("DELETE", _CREDENTIAL_LISTS + "/{Sid}", "DeleteSipCredentialList", delete_credential_list, status=204),
    Operation("GET", _CREDENTIALS, "ListSipCredential", credentials, CREDENTIAL_SHAPE, listed=True),
    Operation("POST", _CREDENTIALS, "CreateSipCredential", create_credential, CREDENTIAL_SHAPE,
              (_USERNAME, _NEW_PASSWORD), 201),
    Operation("GET", _CREDENTIALS + "/{Sid}", "FetchSipCredential", credential, CREDENTIAL_SHAPE),
    Operation("POST", _CREDENTIALS + "/{Sid}", "UpdateSipCredential", update_credential, CREDENTIAL_SHAPE,
              (_PASSWORD,)),
    Operation("DELETE", _CREDENTIALS + "/{Sid}", "DeleteSipCredential", delete_credential, status=204),
    Operation("GET", _ACCESS_LISTS, "ListSipIpAccessControlList",
              _listed(lambda r: r.services.database.sip.access_lists), ACCESS_LIST_SHAPE, listed=True),
    Operation("POST", _ACCESS_LISTS, "CreateSipIpAccessControlList", create_access_list, ACCESS_LIST_SHAPE, _NAMED,
              201),
    Operation("GET", _ACCESS_LISTS + "/{Sid}", "FetchSipIpAccessControlList", access_list, ACCESS_LIST_SHAPE),
    Operation("POST", _ACCESS_LISTS + "/{Sid}", "UpdateSipIpAccessControlList", update_access_list, ACCESS_LIST_SHAPE,
              _NAMED),
    Operation("DELETE", _ACCESS_LISTS + "/{Sid}", "DeleteSipIpAccessControlList", delete_access_list, status=204),
    Operation("GET", _ADDRESSES, "ListSipIpAddress", addresses, ADDRESS_SHAPE, listed=True),
    Operation("POST", _ADDRESSES, "CreateSipIpAddress", create_address, ADDRESS_SHAPE,
              (_FRIENDLY_REQUIRED, _NEW_ADDRESS, _ADDRESS[1]), 201),
    Operation("GET", _ADDRESSES + "/{Sid}", "FetchSipIpAddress", address, ADDRESS_SHAPE),
    Operation("POST", _ADDRESSES + "/{Sid}", "UpdateSipIpAddress", update_address, ADDRESS_SHAPE,
              (_FRIENDLY, *_ADDRESS)),
    Operation("DELETE", _ADDRESSES + "/{Sid}", "DeleteSipIpAddress", delete_address, status=204),
)  # fmt: skip

"""The SIP domains of the REST API at work: whose passwords and addresses count, and who conducts calls to a domain.

User names are those of the whole server: a phone of `ringback phones` comes before a credential of the same name, and
the oldest credential before others.
"""

import logging
from collections.abc import Iterable
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Final

from ringback.model.sids import CREDENTIAL_LIST
from ringback.model.sip_domains import CALLS, REGISTRATIONS, SipDomainRecord
from ringback.model.telephony import PhoneRecord
from ringback.sip.events import IncomingCall
from ringback.sip.fields import FieldError, parse_uri
from ringback.sip.guard import within
from ringback.storage.database import Database
from ringback.storage.sip_domains import SipAccess, Version

logger = logging.getLogger(__name__)

IDENTITY: Final = "phone:"


@dataclass(slots=True)
class _Domain:
    """One domain, and who may call it."""

    record: SipDomainRecord
    by_password: bool = False
    by_address: bool = False
    users: set[str] = field(default_factory=set)
    networks: list[IPv4Network | IPv6Network] = field(default_factory=list)


class Domains:
    """The domains of the store, kept in memory: each request asks for them."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._version: Version | None = None
        self._domains: dict[str, _Domain] = {}
        self._open: list[IPv4Network | IPv6Network] = []
        self._users: dict[str, PhoneRecord] = {}
        self._registering: frozenset[str] = frozenset()

    async def refresh(self) -> None:
        """Read them again if something has changed. Raises StorageError."""
        version = await self._database.sip.version()
        if version != self._version:
            self._take(await self._database.sip.access())
            self._version = version

    def __len__(self) -> int:
        return len(self._users)

    @property
    def names(self) -> Iterable[str]:
        """The names of the domains, in small letters."""
        return self._domains.keys()

    def user(self, username: str) -> PhoneRecord | None:
        """Return a credential that counts for some domain, as a phone that has its name."""
        return self._users.get(username)

    def may_register(self, username: str) -> bool:
        """Tell whether a credential counts for registrations at some domain."""
        return username in self._registering

    def opens(self, host: str) -> bool:
        """Tell whether an address may call some domain without a password."""
        return within(host, self._open)

    def called(self, call: IncomingCall) -> SipDomainRecord | None:
        """Return the domain that a call is for, if it is for one."""
        found = self._at(call.request_uri)
        return None if found is None else found.record

    def wants_password(self, request_uri: str) -> bool:
        """Tell whether a call is for a domain that lets nobody in without a password, wherever they call from."""
        found = self._at(request_uri)
        return found is not None and found.by_password

    def _at(self, request_uri: str) -> _Domain | None:
        if not self._domains:
            return None
        try:
            return self._domains.get(parse_uri(request_uri).host.lower())
        except FieldError:
            return None

    def refusal(self, name: str, call: IncomingCall) -> int | None:
        """Return the code of the warning for somebody who may not call a domain, or None for somebody who may.

        They may by password, by address, or by both where it has both lists. One without any is called by nobody.
        """
        domain = self._domains.get(name)
        if domain is None or not (domain.by_password or domain.by_address):
            return 32201
        if domain.by_address and not within(call.flow.remote[0], domain.networks):
            return 32201
        identity = call.identity or ""
        proven = identity.startswith(IDENTITY) and identity.removeprefix(IDENTITY) in domain.users
        return 32202 if domain.by_password and not proven else None

    def _take(self, access: SipAccess) -> None:
        domains = {record.sid: _Domain(record) for record in access.domains}
        wanted: dict[str, list[_Domain]] = {}
        registering_lists: set[str] = set()
        for mapping in access.mappings:
            domain = domains[mapping.domain_sid]
            if mapping.kind == CALLS:
                wanted.setdefault(mapping.list_sid, []).append(domain)
                if mapping.list_sid.startswith(CREDENTIAL_LIST):
                    domain.by_password = True
                else:
                    domain.by_address = True
            elif mapping.kind == REGISTRATIONS and domain.record.sip_registration:
                registering_lists.add(mapping.list_sid)
        users: dict[str, PhoneRecord] = {}
        registering = set()
        for each in access.credentials:
            of = wanted.get(each.credential_list_sid, [])
            if not of and each.credential_list_sid not in registering_lists:
                continue
            if each.username in users:
                logger.warning("the SIP credential %s has the user name of another: %s", each.sid, each.username)
                continue
            users[each.username] = PhoneRecord(
                each.username, each.account_sid, each.realm, each.ha1_md5, each.ha1_sha256, each.ha1_sha512_256, "",
                each.date_created,
            )  # fmt: skip
            for domain in of:
                domain.users.add(each.username)
            if each.credential_list_sid in registering_lists:
                registering.add(each.username)
        for row in access.addresses:
            network = ip_network(f"{row.ip_address}/{row.cidr_prefix_length}", strict=False)
            for domain in wanted.get(row.ip_access_control_list_sid, []):
                domain.networks.append(network)
        self._domains = {domain.record.domain_name: domain for domain in domains.values()}
        self._open = [network for domain in domains.values() if not domain.by_password for network in domain.networks]
        self._users, self._registering = users, frozenset(registering)

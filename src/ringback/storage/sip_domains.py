"""SIP domains, and their lists of credentials and addresses, in the store."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Table, delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from ringback.model.sids import CREDENTIAL_LIST
from ringback.model.sip_domains import (
    CALLS,
    AccessAddressRecord,
    AccessListRecord,
    CredentialListRecord,
    CredentialRecord,
    MappingRecord,
    SipDomainRecord,
)
from ringback.storage.connections import Connections
from ringback.storage.records import Records, RecordStore
from ringback.storage.tables_sip import (
    sip_access_addresses,
    sip_access_lists,
    sip_credential_lists,
    sip_credentials,
    sip_domains,
    sip_mappings,
)

DOMAINS: Final = Records(SipDomainRecord, sip_domains)
CREDENTIAL_LISTS: Final = Records(CredentialListRecord, sip_credential_lists)
CREDENTIALS: Final = Records(CredentialRecord, sip_credentials)
ACCESS_LISTS: Final = Records(AccessListRecord, sip_access_lists)
ADDRESSES: Final = Records(AccessAddressRecord, sip_access_addresses)
MAPPINGS: Final = Records(MappingRecord, sip_mappings)

_WATCHED: Final = (sip_domains, sip_credentials, sip_access_addresses, sip_mappings)

Version = tuple[tuple[int, datetime | None, datetime | None], ...]
"""Differs from one look to the next where something was added, changed or removed."""


@dataclass(frozen=True, slots=True)
class SipAccess:
    """Everything that says who may call and register, the oldest first."""

    domains: Sequence[SipDomainRecord]
    mappings: Sequence[MappingRecord]
    credentials: Sequence[CredentialRecord]
    addresses: Sequence[AccessAddressRecord]


class SipStore:
    """SIP domains and their lists. Every method raises StorageError when the database fails."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self.domains = RecordStore(connections, DOMAINS)
        self.credential_lists = RecordStore(connections, CREDENTIAL_LISTS)
        self.credentials = RecordStore(connections, CREDENTIALS)
        self.access_lists = RecordStore(connections, ACCESS_LISTS)
        self.addresses = RecordStore(connections, ADDRESSES)
        self.mappings = RecordStore(connections, MAPPINGS)

    async def map(self, mapping: MappingRecord) -> None:
        """Let a list count for a domain. Raises StorageError where it does already."""

        async def write(connection: AsyncConnection) -> None:
            await MAPPINGS.insert(connection, mapping)
            await _tell_auth_type(connection, [mapping.domain_sid])

        await self._connections.at_once(write)

    async def unmap(self, domain_sid: str, kind: str, list_sid: str) -> bool:
        """Let it count no more, and tell whether it did."""

        async def write(connection: AsyncConnection) -> bool:
            removed = await MAPPINGS.remove(connection, (domain_sid, kind, list_sid))
            await _tell_auth_type(connection, [domain_sid])
            return removed

        return await self._connections.at_once(write)

    async def rename(self, list_sid: str, friendly_name: str) -> None:
        """Give a list another name, wherever it is told."""
        records = CREDENTIAL_LISTS if list_sid.startswith(CREDENTIAL_LIST) else ACCESS_LISTS

        async def write(connection: AsyncConnection) -> None:
            await records.change(connection, list_sid, {"friendly_name": friendly_name})
            mapped = sip_mappings.c.list_sid == list_sid
            await connection.execute(update(sip_mappings).where(mapped).values(friendly_name=friendly_name))

        await self._connections.at_once(write)

    async def remove_list(self, list_sid: str) -> bool:
        """Forget a list, what is in it, and where it counts; tell whether there was one."""
        records = CREDENTIAL_LISTS if list_sid.startswith(CREDENTIAL_LIST) else ACCESS_LISTS

        async def write(connection: AsyncConnection) -> bool:
            mapped = sip_mappings.c.list_sid == list_sid
            of = [row.domain_sid for row in (await connection.execute(select(sip_mappings).where(mapped))).all()]
            await connection.execute(delete(sip_mappings).where(mapped))
            await _tell_auth_type(connection, of)
            return await records.remove(connection, list_sid)

        return await self._connections.at_once(write)

    async def version(self) -> Version:
        """Return what tells whether there is something new."""

        async def look(connection: AsyncConnection) -> Version:
            found = []
            for table in _WATCHED:
                query = select(func.count(), func.max(table.c.date_created), func.max(table.c.date_updated))
                row = (await connection.execute(query.select_from(table))).one()
                found.append((row[0], row[1], row[2]))
            return tuple(found)

        return await self._connections.at_once(look, writes=False)

    async def access(self) -> SipAccess:
        """Return everything that says who may call and register."""

        async def look(connection: AsyncConnection) -> SipAccess:
            async def rows(table: Table) -> list[object]:
                query = select(table).order_by(table.c.date_created, *table.primary_key.columns)
                return list((await connection.execute(query)).mappings())

            return SipAccess(
                [DOMAINS.of(row) for row in await rows(sip_domains)],  # type: ignore[arg-type]
                [MAPPINGS.of(row) for row in await rows(sip_mappings)],  # type: ignore[arg-type]
                [CREDENTIALS.of(row) for row in await rows(sip_credentials)],  # type: ignore[arg-type]
                [ADDRESSES.of(row) for row in await rows(sip_access_addresses)],  # type: ignore[arg-type]
            )

        return await self._connections.at_once(look, writes=False)


async def _tell_auth_type(connection: AsyncConnection, domain_sids: Sequence[str]) -> None:
    """Write down what the lists for calls of domains are of."""
    for sid in domain_sids:
        query = select(sip_mappings.c.list_sid).where(sip_mappings.c.domain_sid == sid, sip_mappings.c.kind == CALLS)
        lists = [row.list_sid for row in (await connection.execute(query)).all()]
        kinds = {"CREDENTIAL_LIST" if each.startswith(CREDENTIAL_LIST) else "IP_ACL" for each in lists}
        told = ",".join(sorted(kinds, reverse=True))
        await connection.execute(update(sip_domains).where(sip_domains.c.sid == sid).values(auth_type=told))

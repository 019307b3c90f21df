"""All carriers of this server: made from their records, started, and changed while the server runs."""

import logging
from collections.abc import Callable, Iterable
from typing import Final

from ringback.messaging.carriers.contract import Carrier, Inbox
from ringback.messaging.routing import routes
from ringback.model.messages import CarrierRecord, MessageRecord

logger = logging.getLogger(__name__)

LOCAL: Final = "local"
"""The carrier that is always there: the numbers of this server, and handsets on this machine."""

PHONES: Final = "phones"
"""The one that is there too, for phones that are registered at this server."""
BUILT_IN: Final = (LOCAL, PHONES)

Factory = Callable[[CarrierRecord], Carrier]
"""Makes a carrier. Raises ValueError for settings that cannot be used; the text says which."""


class Fleet:
    """The carriers that there are now."""

    def __init__(self, make: Factory, local: Carrier, phones: Carrier | None = None) -> None:
        """`phones` reaches those that are registered here, if there is that."""
        self._make = make
        self._local = local
        self._phones = phones
        self._inbox: Inbox | None = None
        self._records: dict[str, CarrierRecord] = {}
        self._carriers: dict[str, Carrier] = {one.name: one for one in (local, phones) if one is not None}
        self.problems: dict[str, str] = {}
        """Carriers that cannot be made, and why."""

    async def start(self, inbox: Inbox) -> None:
        """Start what is always there. `apply` starts the others."""
        self._inbox = inbox
        for carrier in list(self._carriers.values()):
            await carrier.start(inbox)

    async def apply(self, records: Iterable[CarrierRecord]) -> bool:
        """Start, stop and replace carriers until they are as the records say; tell whether anything changed."""
        assert self._inbox is not None
        wanted = {record.name: record for record in records if record.enabled and record.name not in BUILT_IN}
        changed = False
        for name, record in list(self._records.items()):
            if wanted.get(name) != record:
                changed = True
                del self._records[name]
                self.problems.pop(name, None)
                if carrier := self._carriers.pop(name, None):
                    await carrier.close()
        for name, record in wanted.items():
            if name in self._records:
                continue
            changed = True
            self._records[name] = record
            try:
                carrier = self._make(record)
                await carrier.start(self._inbox)
            except (ValueError, OSError) as error:
                self.problems[name] = str(error)
                logger.error("The carrier %s cannot be used: %s", name, error)
            else:
                self._carriers[name] = carrier
        return changed

    def get(self, name: str) -> Carrier | None:
        """Return a carrier, if it is there."""
        return self._carriers.get(name)

    def record(self, name: str) -> CarrierRecord | None:
        """Return the record of a carrier; the local one has none."""
        return self._records.get(name)

    def carriers(self) -> list[Carrier]:
        """Return all of them."""
        return list(self._carriers.values())

    def options(self, message: MessageRecord, *, ours: bool) -> list[Carrier]:
        """Return the carriers that a message may go by, the first choice first. `ours`: the recipient is this server's.

        The local one takes what is for numbers of this server and for handsets that listen, that of phones what is for
        registered ones. Where there is no other carrier at all the local one takes everything, so that an application
        can be tried before there is any contract.
        """
        if ours or self._local.takes(message.to):
            return [self._local]
        if self._phones is not None and self._phones.takes(message.to):
            return [self._phones]
        if not self._records:
            return [self._local]
        found = routes(self._records.values(), account_sid=message.account_sid, from_=message.from_, to=message.to)
        carriers = [self._carriers.get(record.name) for record in found]
        return [carrier for carrier in carriers if carrier is not None and carrier.takes(message.to)]

    async def close(self) -> None:
        """Stop all."""
        for name, carrier in list(self._carriers.items()):
            try:
                await carrier.close()
            except Exception:
                logger.exception("The carrier %s did not end properly", name)
        self._carriers.clear()

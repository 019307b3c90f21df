"""The phones of this server: who they are, where they registered, and what of that survives a restart."""

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from ringback.app.settings import PhoneSettings
from ringback.app.telephony.domains import IDENTITY, Domains
from ringback.model.telephony import BindingRecord, PhoneRecord
from ringback.sip.events import IncomingRequest
from ringback.sip.fields import user_of
from ringback.sip.registrar import Binding, Limits, Registered, Registrar
from ringback.sip.values import Flow
from ringback.storage.database import Database
from ringback.storage.phones import Version

logger = logging.getLogger(__name__)

_KEPT_CONTACT: Final = 2000
"""Characters of a Contact that the store takes. A longer one works until the next restart."""


class Phones:
    """Phones by their user names, kept in memory: each request asks for them."""

    def __init__(self, database: Database, settings: PhoneSettings, domains: Domains | None = None) -> None:
        """`domains` have credentials that count as phones."""
        self._database = database
        self._domains = Domains(database) if domains is None else domains
        self._settings = settings
        self._phones: dict[str, PhoneRecord] = {}
        self._version: Version | None = None
        self._unsaved: dict[tuple[str, str], Binding | None] = {}
        self._flows: dict[tuple[str, tuple[str, int]], float] = {}
        """Until when somebody is registered by that way."""
        self.registrar = Registrar(
            Limits(settings.min_expires, settings.max_expires, settings.default_expires, settings.per_user)
        )

    def __len__(self) -> int:
        return len(self._phones) + len(self._domains)

    def is_phone(self, username: str) -> bool:
        """Tell whether there is a phone of that name, registered or not."""
        return username in self._phones or self._domains.may_register(username)

    def account_of(self, username: str) -> str | None:
        """Return the sid of the account that a phone belongs to."""
        phone = self._phone(username)
        return None if phone is None else phone.account_sid

    def secret(self, username: str, algorithm: str) -> str | None:
        """Return what checks the password of a phone, or of a credential that may only call."""
        phone = self._phone(username)
        return phone.secret(algorithm) if phone is not None and phone.realm == self._settings.realm else None

    def _phone(self, username: str) -> PhoneRecord | None:
        return self._phones.get(username) or self._domains.user(username)

    def bindings(self, username: str, now: float) -> Sequence[Binding]:
        """Return where a phone can be reached."""
        return self.registrar.bindings(username, now)

    def is_bound(self, flow: Flow, now: float) -> bool:
        """Tell whether somebody has registered by this way."""
        return self._flows.get((flow.transport, flow.remote), 0.0) > now

    def register(self, event: IncomingRequest, now: float) -> Registered:
        """Carry out a REGISTER. Who is not one of the phones, or speaks for another one, gets 403."""
        username = (event.identity or "").removeprefix(IDENTITY)
        if not (event.identity or "").startswith(IDENTITY) or not self.is_phone(username):
            return Registered(403, reason="Not a Phone")
        if user_of(event.to) != username:
            return Registered(403, reason="Another Phone's Name")
        before = {binding.key: binding for binding in self.registrar.bindings(username, now)}
        result = self.registrar.register(username, event.headers, event.flow, now)
        for binding in result.added:
            old = before.get(binding.key)
            if old is not None and old.contact != binding.contact:
                self._forget(old)  # the same address, written in another way
            self._keep(binding)
            if old is None:
                logger.info(
                    "phone %s registered at %s by %s from %s:%d (%s)",
                    username, binding.contact, binding.flow.transport, *binding.flow.remote, binding.user_agent or "?",
                )  # fmt: skip
        for binding in result.removed:
            self._forget(binding)
            logger.info("phone %s is no longer registered at %s", username, binding.contact)
        return result

    def expire(self, now: float) -> None:
        """Forget what has ended."""
        for binding in self.registrar.expire(now):
            self._unsaved.pop((binding.user, binding.contact), None)
            logger.info("the registration of phone %s at %s has ended", binding.user, binding.contact)
        self._flows = {way: until for way, until in self._flows.items() if until > now}

    def lost(self, flow: Flow) -> None:
        """A connection is gone, and with it the phones that nothing else leads to."""
        for binding in self.registrar.lost(flow):
            self._forget(binding)
            logger.info("phone %s has lost its connection from %s:%d", binding.user, *binding.flow.remote)

    # -- the store -------------------------------------------------------------------------------------------------

    async def load(self, now: float, utcnow: datetime) -> None:
        """Read the phones, and where they were before the restart."""
        await self.refresh()
        kept = [_restored(record, now, utcnow) for record in await self._database.bindings.list(utcnow)]
        self.registrar.restore(binding for binding in kept if self.is_phone(binding.user))
        for binding in self.registrar.all(now):
            self._flows[binding.flow.transport, binding.flow.remote] = binding.expires

    async def refresh(self) -> None:
        """Read the phones again if something has changed. A phone that was removed is not registered any more."""
        await self._domains.refresh()
        version = await self._database.phones.version()
        if version != self._version:
            self._phones = {phone.username: phone for phone in await self._database.phones.list()}
            strange = [phone for phone in self._phones.values() if phone.realm != self._settings.realm]
            if self._version is None and strange:
                logger.warning(
                    "%d phones, such as %s, have passwords for another realm than %r, which phones.realm is: "
                    "`ringback phones add --replace` gives them new ones",
                    len(strange), strange[0].username, self._settings.realm,
                )  # fmt: skip
            self._version = version
        for username in {binding.user for binding in self.registrar.all(0.0)}:
            if self.is_phone(username):
                continue
            for binding in self.registrar.drop_user(username):
                self._unsaved.pop((binding.user, binding.contact), None)
            logger.info("phone %s was removed", username)

    async def save(self, now: float, utcnow: datetime) -> None:
        """Write down what has changed since the last time. Raises StorageError; then the next time tries all again."""
        changes, self._unsaved = self._unsaved, {}
        if not changes:
            return
        try:
            await self._database.bindings.change(
                [_record(binding, now, utcnow) for binding in changes.values() if binding is not None],
                [key for key, binding in changes.items() if binding is None],
            )
        except BaseException:
            self._unsaved = {**changes, **self._unsaved}
            raise

    def _keep(self, binding: Binding) -> None:
        self._flows[binding.flow.transport, binding.flow.remote] = binding.expires
        if len(binding.contact) <= _KEPT_CONTACT:
            self._unsaved[binding.user, binding.contact] = binding

    def _forget(self, binding: Binding) -> None:
        self._unsaved[binding.user, binding.contact] = None


def _record(binding: Binding, now: float, utcnow: datetime) -> BindingRecord:
    flow = binding.flow
    return BindingRecord(
        binding.user, binding.contact, binding.call_id, binding.cseq, binding.q, flow.transport, *flow.local,
        *flow.remote, bool(flow.connection), list(binding.path), binding.user_agent, binding.instance, binding.nat,
        utcnow + timedelta(seconds=binding.expires - now),
    )  # fmt: skip


def _restored(record: BindingRecord, now: float, utcnow: datetime) -> Binding:
    flow = Flow(
        record.transport,
        (record.local_host, record.local_port),
        (record.remote_host, record.remote_port),
        # The connection is gone. What its number was is of no use, only that there was one.
        -1 if record.by_connection else 0,
    )
    return Binding(
        record.username, record.contact, flow, now + (record.expires - utcnow).total_seconds(), record.call_id,
        record.cseq, record.q, tuple(record.path), record.user_agent, record.instance, record.nat,
    )  # fmt: skip

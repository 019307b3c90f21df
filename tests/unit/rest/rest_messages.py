"""Messages that stay in memory: what the REST API needs of them."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from rest_world import World

from ringback.messaging.port import Draft, MessageFilter, MessageRefused
from ringback.model.messages import MediaRecord, MessageRecord, MessageStatus


class FewMessages:
    """`ringback.messaging.port.Messages`, but for carriers."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._kept: dict[str, MessageRecord] = {}
        self._media: dict[str, list[MediaRecord]] = {}

    async def send(self, draft: Draft) -> MessageRecord:
        now, sid = self._world.clock.utcnow(), self._world.sid("SM")
        record = MessageRecord(
            sid, draft.account_sid, draft.from_, draft.to, draft.body, MessageStatus.QUEUED, draft.direction,
            draft.api_version, now, now, date_sent=now, num_media=len(draft.media_urls),
        )  # fmt: skip
        self._kept[sid] = record
        self._media[sid] = [
            MediaRecord(self._world.sid("ME"), draft.account_sid, sid, "text/plain", now, now) for _ in draft.media_urls
        ]
        return record

    def moves(self, sid: str, status: MessageStatus) -> None:
        """A message has that status from now on."""
        self._kept[sid] = replace(self._kept[sid], status=status)

    async def get(self, sid: str, account_sid: str | None = None) -> MessageRecord:
        record = self._kept.get(sid)
        if record is None or account_sid not in (None, record.account_sid):
            raise MessageRefused(20404, f"there is no message {sid}", 404)
        return record

    async def list(self, wanted: MessageFilter, *, limit: int = 50, offset: int = 0) -> Sequence[MessageRecord]:
        return self._found(wanted)[offset : offset + limit]

    async def count(self, wanted: MessageFilter) -> int:
        return len(self._found(wanted))

    def _found(self, wanted: MessageFilter) -> Sequence[MessageRecord]:
        return [
            one
            for one in self._kept.values()
            if wanted.account_sid in (None, one.account_sid)
            and wanted.to in (None, one.to)
            and wanted.from_ in (None, one.from_)
            and (wanted.sent_after is None or (one.date_sent is not None and one.date_sent >= wanted.sent_after))
            and (wanted.sent_before is None or (one.date_sent is not None and one.date_sent <= wanted.sent_before))
            and (not wanted.directions or one.direction in wanted.directions)
        ]

    async def redact(self, sid: str, account_sid: str | None = None) -> MessageRecord:
        self._kept[sid] = replace(await self.get(sid, account_sid), body="")
        return self._kept[sid]

    async def cancel(self, sid: str, account_sid: str | None = None) -> MessageRecord:
        raise MessageRefused(20409, f"{sid} is scheduled no more", 409)

    async def delete(self, sid: str, account_sid: str | None = None) -> None:
        await self.get(sid, account_sid)
        del self._kept[sid]

    async def media(self, message_sid: str, account_sid: str | None = None) -> Sequence[MediaRecord]:
        await self.get(message_sid, account_sid)
        return self._media[message_sid]

    async def media_content(self, sid: str, account_sid: str | None = None) -> tuple[MediaRecord, bytes]:
        return next(one for media in self._media.values() for one in media if one.sid == sid), b"file"

    async def delete_media(self, sid: str, account_sid: str | None = None) -> None:
        for message, media in self._media.items():
            self._media[message] = [one for one in media if one.sid != sid]

    async def received(self, arrival: Any) -> None:
        raise NotImplementedError

"""Media of outgoing messages: fetched from the application, and kept, so that it can be shown and fetched again."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from ringback.messaging.callbacks import Note, Tokens
from ringback.messaging.jobs import TryLaterError
from ringback.messaging.media import MediaFiles
from ringback.model.errors import ApplicationError
from ringback.model.messages import MEDIA, MediaRecord, MessageRecord
from ringback.model.records import CallEvent
from ringback.model.sids import make_sid
from ringback.storage.message_changes import Job
from ringback.storage.messages import MessageStore
from ringback.webhooks.client import WebhookClient
from ringback.webhooks.failures import FetchError
from ringback.webhooks.media_fetch import fetch_media

MEDIA_JOB: Final = "media"
"""The kind of the job that fetches the media of a message."""


def media_records(
    record: MessageRecord, urls: tuple[str, ...], now: datetime, entropy: Callable[[int], bytes]
) -> tuple[MediaRecord, ...]:
    """Return a record for each URL; its type is not known before it was fetched."""
    return tuple(
        MediaRecord(make_sid(MEDIA, entropy(16)), record.account_sid, record.sid, "", now, now, url) for url in urls
    )


class OutgoingMedia:
    """Does the jobs that fetch media."""

    def __init__(
        self,
        webhooks: WebhookClient,
        tokens: Tokens,
        store: MessageStore,
        files: MediaFiles,
        directory: Path,
        note: Note,
        utcnow: Callable[[], datetime],
    ) -> None:
        self._webhooks, self._tokens, self._store, self._files = webhooks, tokens, store, files
        self._directory, self._note, self._utcnow = directory, note, utcnow

    async def run(self, job: Job, context: object) -> None:
        """Fetch what of the media of a message is not here. Raises TryLaterError where a server fails."""
        failed = ""
        for media in await self._store.media(job.subject):
            if media.size or not media.url:
                continue
            token = await self._tokens(media.account_sid)
            try:
                await self._fetch(media, token or "")
            except (ApplicationError, OSError) as error:
                if isinstance(error, FetchError) and 400 <= error.status < 500:
                    continue  # told in the timeline; asking again would change nothing
                failed = str(error)
        if failed:
            raise TryLaterError(failed)

    async def _fetch(self, media: MediaRecord, token: str) -> None:
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)

        def note(kind: str, /, **data: Any) -> None:
            self._note(CallEvent(media.message_sid, self._utcnow(), kind, data))

        fetched = await fetch_media(self._webhooks.session(token), media.url, self._directory, note=note)
        await self._files.take(media.sid, fetched.path)
        kind = fetched.content_type or "application/octet-stream"
        await self._store.keep_media(replace(media, content_type=kind, size=fetched.size, date_updated=self._utcnow()))

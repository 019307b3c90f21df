"""Media of outgoing messages is fetched, once, and again where a server fails."""

import pytest

from ringback.messaging.jobs import TryLaterError
from ringback.messaging.outgoing_media import media_records
from ringback.storage.message_changes import Job, NewMessage
from ringback.testing.messages import EPOCH, fake_message
from tests.unit.app.web_in_memory import Page
from tests.unit.messaging.message_world import World


async def test_media_is_fetched_with_a_note_of_it(world: World) -> None:
    message = fake_message(account_sid=world.account.sid, num_media=2)
    urls = ("http://app/a.png", "http://app/b.png")
    numbers = iter(range(9))
    media = media_records(message, urls, EPOCH, lambda length: bytes([next(numbers)] * length))
    await world.database.messages.ledger.write(NewMessage(message, media))
    world.web.pages["http://app/a.png"] = Page(b"aa", "image/png")
    world.web.pages["http://app/b.png"] = Page("", status=503)
    job = Job("media:1", "media", message.sid, EPOCH)
    with pytest.raises(TryLaterError):
        await world.service._outgoing_media.run(job, None)
    world.web.pages["http://app/b.png"] = Page(b"bbb", "")
    await world.service._outgoing_media.run(job, None)
    kept = await world.database.messages.media(message.sid)
    assert [(one.content_type, one.size) for one in kept] == [("image/png", 2), ("application/octet-stream", 3)]
    assert [one.url for one in world.web.asked] == [*urls, urls[1]]
    assert {event.kind for event in world.events} >= {"media.fetch"}
    world.web.pages["http://app/b.png"] = Page("", status=404)
    await world.service._outgoing_media.run(job, None)

"""The audio of a leg: what is offered, what is agreed on, and the media leg that is set up with it."""

from typing import Any

import pytest
from calls_virtual import OFFER, virtual

from ringback.calls.audio import AudioSettings, LegAudio
from ringback.media.leg import MediaError, MediaLeg
from ringback.model import events
from ringback.sip import sdes, sdp
from ringback.testing.media import FakeMedia, FakeMediaLeg

HELD = sdp.offer("127.0.0.1", 40000, direction="sendonly")
ENCRYPTED = sdp.offer("127.0.0.1", 40000, srtp="required", entropy=bytes(range(100))[: sdes.ENTROPY_BYTES])
NO_COMMON_CODEC = (
    b"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 40000 RTP/AVP 18\r\n"
)


class Listener:
    def on_key(self, key: str) -> None: ...
    def on_quiet(self, times: int) -> None: ...
    def on_lost(self) -> None: ...


class Side:
    """A leg's audio, and the call around it: whether it is over, and what was noted."""

    def __init__(self, media: FakeMedia | None = None, **settings: Any) -> None:
        self.media = media or FakeMedia()
        self.over = False
        self.noted: list[dict[str, Any]] = []
        self.audio = LegAudio(
            self.media,
            Listener(),
            AudioSettings(**settings),
            self._note,
            lambda size: b"\x07" * size,
            lambda: self.over,
        )

    def _note(self, kind: str, **data: Any) -> None:
        assert kind == events.MEDIA_START
        self.noted.append(data)

    @property
    def leg(self) -> FakeMediaLeg:
        (leg,) = self.media.legs
        return leg


@virtual
async def test_an_offer_is_answered_and_the_media_leg_set_up() -> None:
    side = Side(quiet_seconds=12)
    answer = await side.audio.answer(OFFER)
    agreed = sdp.accept_answer(OFFER, answer)
    (leg_format,) = side.leg.formats
    assert agreed.remote == side.leg.address
    assert (leg_format.remote, leg_format.payload_types) == (("127.0.0.1", 40000), {0: "PCMU"})
    assert (leg_format.quiet_seconds, leg_format.sends, leg_format.srtp) == (12, True, None)
    assert side.noted == [
        {
            "codec": "PCMU",
            "local": "{}:{}".format(*side.leg.address),
            "remote": "127.0.0.1:40000",
            "ptime_ms": 20,
            "on_hold": False,
        }
    ]


@virtual
async def test_who_offers_nothing_gets_an_offer_and_its_answer_counts() -> None:
    side = Side()
    offer = await side.audio.answer(None)
    assert (side.audio.offering, side.leg.formats) == (True, [])
    await side.audio.accept(sdp.answer(offer, "127.0.0.1", 41000)[0])
    assert (side.audio.offering, side.leg.formats[-1].remote) == (False, ("127.0.0.1", 41000))


@virtual
async def test_early_audio_may_be_followed_by_other_audio() -> None:
    side = Side()
    await side.audio.open()
    offer = side.audio.offer()
    await side.audio.accept(sdp.answer(offer, "127.0.0.1", 41000)[0], final=False)
    assert side.audio.offering
    await side.audio.accept(sdp.answer(offer, "127.0.0.1", 42000)[0])
    assert [each.remote[1] for each in side.leg.formats] == [41000, 42000]


@virtual
async def test_an_answer_that_nobody_asked_for_changes_nothing() -> None:
    side = Side()
    await side.audio.open()
    await side.audio.accept(OFFER)
    assert side.leg.formats == []


@virtual
async def test_what_does_not_fit_is_refused_and_leaves_the_audio_as_it_was() -> None:
    side = Side()
    await side.audio.answer(OFFER)
    with pytest.raises(sdp.SdpError):
        await side.audio.answer(NO_COMMON_CODEC)
    assert len(side.leg.formats) == 1


@virtual
async def test_one_media_leg_lasts_for_the_whole_call() -> None:
    side = Side()
    assert await side.audio.open()
    await side.audio.answer(OFFER)
    await side.audio.answer(HELD)
    assert [each.sends for each in side.leg.formats] == [True, False]
    assert side.audio.on_hold
    await side.audio.answer(OFFER)
    assert not side.audio.on_hold


@virtual
async def test_a_media_leg_lives_beside_another_where_that_is_wanted() -> None:
    wanted: list[MediaLeg | None] = []

    class Media(FakeMedia):
        async def open(self, listener: Any, *, near: MediaLeg | None = None) -> FakeMediaLeg:
            wanted.append(near)
            return await super().open(listener, near=near)

    media = Media()
    one, two = Side(media), Side(media)
    await one.audio.open()
    await two.audio.open(one.audio.leg)
    assert wanted == [None, one.audio.leg]


@virtual
async def test_a_media_leg_that_comes_after_the_end_is_given_back() -> None:
    side = Side()
    side.over = True
    assert await side.audio.answer(OFFER) == b""
    assert (side.media.legs, side.audio.leg) == ([], None)


@virtual
async def test_without_room_for_audio_there_is_an_error() -> None:
    side = Side(FakeMedia(capacity=0))
    with pytest.raises(MediaError):
        await side.audio.answer(OFFER)


@virtual
async def test_descriptions_show_the_address_of_the_settings() -> None:
    side = Side(address="203.0.113.9")
    assert b"c=IN IP4 203.0.113.9" in await side.audio.answer(OFFER)


@virtual
async def test_keys_come_as_tones_from_a_peer_without_telephone_events() -> None:
    side = Side()
    await side.audio.answer(sdp.offer("127.0.0.1", 40000, telephone_event=None))
    assert side.audio.keys_by == "tone"
    await side.audio.answer(OFFER)
    assert side.audio.keys_by == "rfc4733"


@virtual
async def test_encryption_is_taken_up_where_it_is_offered() -> None:
    side = Side(srtp="optional")
    answer = await side.audio.answer(ENCRYPTED)
    agreed = sdp.accept_answer(ENCRYPTED, answer, srtp="required")
    keys = side.leg.formats[-1].srtp
    assert keys is not None and agreed.crypto is not None
    assert (keys.key_in, keys.key_out) == (agreed.crypto.local_key, agreed.crypto.remote_key)
    assert side.noted[-1]["srtp"] == keys.suite
    await side.audio.answer(OFFER)
    assert side.leg.formats[-1].srtp is None


@virtual
async def test_the_policy_of_encryption_may_change_with_the_way() -> None:
    side = Side()
    await side.audio.open()
    assert b"a=crypto:" not in side.audio.offer()
    side.audio.policy("required")
    assert b"RTP/SAVP" in side.audio.offer()
    with pytest.raises(sdp.SdpError):
        await side.audio.answer(OFFER)


@virtual
async def test_what_is_agreed_on_after_the_media_leg_has_gone_sets_nothing_up() -> None:
    side = Side()
    await side.audio.open()
    offer = side.audio.offer()
    leg = side.leg
    side.audio.lost()
    await side.audio.accept(sdp.answer(offer, "127.0.0.1", 41000)[0])
    assert (leg.formats, side.noted) == ([], [])
    assert await side.audio.close() == {}


@virtual
async def test_audio_that_is_ready_after_the_end_is_not_told_of() -> None:
    side = Side()
    await side.audio.open()
    offer = side.audio.offer()
    side.over = True
    await side.audio.accept(sdp.answer(offer, "127.0.0.1", 41000)[0])
    assert side.noted == []


@virtual
async def test_the_end_gives_the_media_leg_back_and_its_figures() -> None:
    side = Side()
    await side.audio.answer(OFFER)
    side_stats = side.leg.stats.as_dict()
    figures = await side.audio.close()
    assert figures == side_stats
    assert side.media.legs == []
    assert await side.audio.close() == {}

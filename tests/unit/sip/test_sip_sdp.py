"""Offer and answer (RFC 3264)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringback.sip import sdp
from ringback.sip.sdp import Negotiated, SdpError

HERE = "192.0.2.1"


def offer(media: str, *, connection: str = "IN IP4 192.0.2.2", attributes: str = "") -> bytes:
    """Write an offer of some media lines."""
    return f"v=0\r\no=- 7 7 IN IP4 192.0.2.2\r\ns=-\r\nc={connection}\r\nt=0 0\r\n{attributes}{media}".encode()


def answered(media: str, **options: str) -> Negotiated:
    """Answer an offer; return what was agreed on."""
    return sdp.answer(offer(media, **options), HERE, 6000)[1]


def test_an_answer() -> None:
    text = "m=audio 4000 RTP/AVP 8 0 101\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\na=ptime:30\r\n"
    data, agreed = sdp.answer(offer(text), HERE, 6000, session_id=42)
    assert data.decode().split("\r\n") == [
        "v=0", "o=- 42 42 IN IP4 192.0.2.1", "s=-", "c=IN IP4 192.0.2.1", "t=0 0",
        "m=audio 6000 RTP/AVP 8 101", "a=rtpmap:8 PCMA/8000", "a=rtpmap:101 telephone-event/8000", "a=fmtp:101 0-15",
        "a=ptime:30", "a=sendrecv", "",
    ]  # fmt: skip
    assert agreed == Negotiated(("192.0.2.2", 4000), 8, "PCMA", 101, 30, "sendrecv", False)


@pytest.mark.parametrize(
    ("media", "payload_type", "codec"),
    [
        ("m=audio 4000 RTP/AVP 0\r\n", 0, "PCMU"),
        ("m=audio 4000 RTP/AVP 9 8 0\r\n", 8, "PCMA"),
        ("m=audio 4000 RTP/AVP 96 97\r\na=rtpmap:96 opus/48000/2\r\na=rtpmap:97 pcmu/8000/1\r\n", 97, "PCMU"),
        ("m=audio 4000 RTP/AVPF 0\r\n", 0, "PCMU"),
        ("m=audio 4000 RTP/AVP 0 96\r\na=rtpmap:0 L16/16000\r\na=rtpmap:96 PCMA/8000\r\n", 96, "PCMA"),
    ],
)
def test_the_first_codec_that_we_have(media: str, payload_type: int, codec: str) -> None:
    agreed = answered(media)
    assert (agreed.payload_type, agreed.codec, agreed.telephone_event) == (payload_type, codec, None)


def test_other_media_are_refused_in_their_places() -> None:
    """RFC 3264 §6: as many lines as the offer, in its order."""
    media = (
        "m=video 5000 RTP/AVP 31 34\r\nm=audio 5001 RTP/SAVP 0\r\nm=audio 4000 RTP/AVP 0\r\nm=audio 4002 RTP/AVP 0\r\n"
        "m=application 5002 udp wb\r\nm=image 0 udptl\r\n"
    )
    data, agreed = sdp.answer(offer(media), HERE, 6000)
    lines = [line for line in data.decode().split("\r\n") if line.startswith("m=")]
    assert lines == [
        "m=video 0 RTP/AVP 31 34", "m=audio 0 RTP/SAVP 0", "m=audio 6000 RTP/AVP 0", "m=audio 0 RTP/AVP 0",
        "m=application 0 udp wb", "m=image 0 udptl 0",
    ]  # fmt: skip
    assert agreed.remote == ("192.0.2.2", 4000)


@pytest.mark.parametrize(
    ("media", "options", "reason"),
    [
        ("m=audio 4000 RTP/AVP 9 18\r\na=rtpmap:9 G722/8000\r\n", {}, "of G722, 18 no codec is PCMU or PCMA"),
        ("m=audio 4000 RTP/AVP\r\n", {}, "of nothing no codec"),
        ("m=audio 4000 RTP/SAVP 0\r\n", {}, "RTP/SAVP is none of"),
        ("m=audio 0 RTP/AVP 0\r\n", {}, "switched off"),
        ("m=video 4000 RTP/AVP 31\r\n", {}, "no audio"),
        ("", {}, "no audio"),
        ("m=audio 4000 RTP/AVP 0\r\n", {"connection": "IN IP4 phone.example"}, "no IP address"),
    ],
)
def test_nothing_fits(media: str, options: dict[str, str], reason: str) -> None:
    with pytest.raises(SdpError, match=reason) as caught:
        answered(media, **options)
    assert caught.value.status == 488


@pytest.mark.parametrize(
    ("theirs", "ours", "on_hold"),
    [("sendrecv", "sendrecv", False), ("sendonly", "recvonly", True), ("recvonly", "sendonly", False),
     ("inactive", "inactive", True)],
)  # fmt: skip
def test_directions_are_mirrored(theirs: str, ours: str, on_hold: bool) -> None:
    """RFC 3264 §6.1, §8.4."""
    for text in (f"m=audio 4000 RTP/AVP 0\r\na={theirs}\r\n",):
        data, agreed = sdp.answer(offer(text), HERE, 6000)
        assert (agreed.direction, agreed.on_hold) == (ours, on_hold)
        assert f"a={ours}\r\n".encode() in data
    assert answered("m=audio 4000 RTP/AVP 0\r\n", attributes=f"a={theirs}\r\n").direction == ours


def test_hold_as_rfc_2543_has_it() -> None:
    agreed = answered("m=audio 4000 RTP/AVP 0\r\n", connection="IN IP4 0.0.0.0")
    assert (agreed.direction, agreed.on_hold) == ("recvonly", True)


@pytest.mark.parametrize(
    ("wish", "theirs", "both"),
    [("sendonly", "sendrecv", "sendonly"), ("sendonly", "sendonly", "inactive"), ("recvonly", "sendonly", "recvonly"),
     ("inactive", "sendrecv", "inactive")],
)  # fmt: skip
def test_our_own_wish_narrows_too(wish: sdp.Direction, theirs: str, both: str) -> None:
    text = offer(f"m=audio 4000 RTP/AVP 0\r\na={theirs}\r\n")
    assert sdp.answer(text, HERE, 6000, direction=wish)[1].direction == both


@pytest.mark.parametrize(
    ("attributes", "ptime"),
    [("", 20), ("a=ptime:10\r\n", 10), ("a=ptime:20\r\n", 20), ("a=ptime:35\r\n", 30), ("a=ptime:60\r\n", 60),
     ("a=ptime:200\r\n", 60), ("a=maxptime:10\r\n", 10), ("a=ptime:40\r\na=maxptime:30\r\n", 30),
     ("a=ptime:5\r\n", 10)],
)  # fmt: skip
def test_packet_times(attributes: str, ptime: int) -> None:
    assert answered("m=audio 4000 RTP/AVP 0\r\n" + attributes).send_ptime_ms == ptime


def test_media_addresses_overrule_that_of_the_session() -> None:
    media = "m=audio 4000 RTP/AVP 0\r\nc=IN IP6 2001:DB8::2\r\n"
    data, agreed = sdp.answer(offer(media), "2001:db8::1", 6000)
    assert agreed.remote == ("2001:db8::2", 4000)
    assert b"c=IN IP6 2001:db8::1\r\n" in data


def version(data: bytes) -> tuple[int, int]:
    """Return session id and version."""
    read = sdp.parse(data)
    return read.session_id, read.version


def test_versions_grow_with_changes_only() -> None:
    """RFC 3264 §8."""
    plain = offer("m=audio 4000 RTP/AVP 0\r\n")
    held = offer("m=audio 4000 RTP/AVP 0\r\na=sendonly\r\n")
    first, _ = sdp.answer(plain, HERE, 6000)
    same, _ = sdp.answer(plain, HERE, 6000, previous=first)
    hold, _ = sdp.answer(held, HERE, 6000, previous=same)
    back, _ = sdp.answer(plain, HERE, 6000, previous=hold)
    start, number = version(first)
    assert same == first
    assert [version(data) for data in (hold, back)] == [(start, number + 1), (start, number + 2)]
    again = sdp.offer(HERE, 6000, codecs=["PCMU"], telephone_event=None, previous=back)
    assert again == back
    assert version(sdp.offer(HERE, 6000, direction="sendonly", previous=back)) == (start, number + 3)


def test_an_offer() -> None:
    data = sdp.offer(HERE, 6000, session_id=1)
    assert data.decode().split("\r\n") == [
        "v=0", "o=- 1 1 IN IP4 192.0.2.1", "s=-", "c=IN IP4 192.0.2.1", "t=0 0", "m=audio 6000 RTP/AVP 0 8 101",
        "a=rtpmap:0 PCMU/8000", "a=rtpmap:8 PCMA/8000", "a=rtpmap:101 telephone-event/8000", "a=fmtp:101 0-15",
        "a=ptime:20", "a=sendrecv", "",
    ]  # fmt: skip


@pytest.mark.parametrize("codecs", [[], ["G729"], ["PCMU", "opus"]])
def test_offers_of_what_we_lack(codecs: list[str]) -> None:
    with pytest.raises(ValueError, match="PCMU, PCMA"):
        sdp.offer(HERE, 6000, codecs=codecs)


@given(
    codecs=st.sampled_from([["PCMU"], ["PCMA"], ["PCMA", "PCMU"]]),
    event=st.sampled_from([None, 96, 101]),
    ptime=st.sampled_from([10, 20, 40]),
    wish=st.sampled_from(sdp.DIRECTIONS),
    reply=st.sampled_from(sdp.DIRECTIONS),
)
def test_both_sides_agree(
    codecs: list[str], event: int | None, ptime: int, wish: sdp.Direction, reply: sdp.Direction
) -> None:
    """Our offer, our answer, and the answer taken: each side knows the same, mirrored."""
    offered = sdp.offer(HERE, 6000, codecs=codecs, telephone_event=event, ptime_ms=ptime, direction=wish)
    data, there = sdp.answer(offered, "192.0.2.2", 7000, direction=reply)
    here = sdp.accept_answer(offered, data)
    assert (here.remote, there.remote) == (("192.0.2.2", 7000), (HERE, 6000))
    assert (here.codec, here.payload_type, here.telephone_event) == (
        there.codec,
        there.payload_type,
        there.telephone_event,
    )
    assert (here.codec, here.send_ptime_ms, there.send_ptime_ms) == (codecs[0], ptime, ptime)
    mirror = {"sendonly": "recvonly", "recvonly": "sendonly"}
    assert here.direction == mirror.get(there.direction, there.direction)


@pytest.mark.parametrize(
    ("media", "reason"),
    [
        ("", "media lines"),
        ("m=audio 0 RTP/AVP 0\r\n", "refuses the audio"),
        ("m=video 4000 RTP/AVP 0\r\n", "refuses the audio"),
        ("m=audio 4000 RTP/AVP 18\r\n", "none of the codecs"),
        ("m=audio 4000 RTP/AVP 8\r\n", "none of the codecs"),
    ],
)
def test_answers_that_do_not_fit(media: str, reason: str) -> None:
    ours = sdp.offer(HERE, 6000, codecs=["PCMU"])
    with pytest.raises(SdpError, match=reason):
        sdp.accept_answer(ours, offer(media))


def test_an_answer_to_an_offer_without_audio() -> None:
    both = offer("m=video 4000 RTP/AVP 31\r\n")
    with pytest.raises(SdpError, match="no audio"):
        sdp.accept_answer(both, both)


def test_a_re_offer_keeps_all_media_lines_in_their_places() -> None:
    """RFC 3264 §8: as many lines as before, in the same order, what was refused with port 0."""
    text = (
        "m=video 5000 RTP/AVP 96\r\nm=audio 0 RTP/AVP 0\r\nm=audio 4000 RTP/AVP 8 101\r\n"
        "a=rtpmap:101 telephone-event/8000\r\nm=application 9 UDP/BFCP *\r\n"
    )
    first, _ = sdp.answer(offer(text), HERE, 6000, session_id=42)
    second = sdp.offer(HERE, 6000, previous=first, direction="sendonly")
    lines = [line for line in second.decode().split("\r\n") if line[:2] in ("m=", "o=")]
    assert lines == [
        "o=- 42 43 IN IP4 192.0.2.1", "m=video 0 RTP/AVP 96", "m=audio 0 RTP/AVP 0", "m=audio 6000 RTP/AVP 0 8 101",
        "m=application 0 UDP/BFCP *",
    ]  # fmt: skip
    answer, _ = sdp.answer(second, "192.0.2.2", 4000)
    agreed = sdp.accept_answer(second, answer)
    assert (agreed.remote, agreed.direction) == (("192.0.2.2", 4000), "sendonly")
    assert len(sdp.parse(answer).media) == 4


def test_a_session_whose_audio_was_switched_off_gets_it_back_in_its_place() -> None:
    off = b"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nt=0 0\r\nm=audio 0 RTP/AVP 0\r\nm=video 0 RTP/AVP 96\r\n"
    again = sdp.parse(sdp.offer(HERE, 6000, previous=off))
    assert [(media.kind, media.port) for media in again.media] == [("audio", 6000), ("video", 0)]
    none = b"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nt=0 0\r\nm=video 0 RTP/AVP 96\r\n"
    again = sdp.parse(sdp.offer(HERE, 6000, previous=none))
    assert [(media.kind, media.port) for media in again.media] == [("video", 0), ("audio", 6000)]


@pytest.mark.parametrize(
    ("value", "rtcp"),
    [
        ("53020", ("192.0.2.2", 53020)), ("53020 IN IP4 198.51.100.7", ("198.51.100.7", 53020)), ("0", None),
        ("99999", None), ("port", None),
    ],
)  # fmt: skip
def test_where_rtcp_goes(value: str, rtcp: tuple[str, int] | None) -> None:
    """RFC 3605."""
    _, agreed = sdp.answer(offer(f"m=audio 4000 RTP/AVP 0\r\na=rtcp:{value}\r\n"), HERE, 6000)
    assert agreed.rtcp == rtcp


def test_rtcp_goes_with_rtp_where_the_other_side_offers_that() -> None:
    """RFC 5761 §5.1.1: an answer has it only where the offer has."""
    ours, agreed = sdp.answer(offer("m=audio 4000 RTP/AVP 0\r\na=rtcp-mux\r\n"), HERE, 6000)
    assert agreed.rtcp_mux
    assert b"a=rtcp-mux\r\n" in ours
    ours, agreed = sdp.answer(offer("m=audio 4000 RTP/AVP 0\r\n"), HERE, 6000)
    assert not agreed.rtcp_mux
    assert b"rtcp" not in ours
    mine = sdp.offer(HERE, 6000)
    assert not sdp.accept_answer(mine, offer("m=audio 4000 RTP/AVP 0\r\na=rtcp-mux\r\n")).rtcp_mux


def test_codecs_may_be_left_out_for_a_peer() -> None:
    text = "m=audio 4000 RTP/AVP 0 8\r\n"
    assert sdp.answer(offer(text), HERE, 6000, codecs=["PCMA"])[1].codec == "PCMA"
    with pytest.raises(sdp.SdpError, match="no codec is PCMA") as refusal:
        sdp.answer(offer("m=audio 4000 RTP/AVP 0\r\n"), HERE, 6000, codecs=["PCMA"])
    assert (refusal.value.status, refusal.value.warning) == (488, 305)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("m=video 5000 RTP/AVP 96\r\n", 304),
        ("m=audio 4000 RTP/AVP 18\r\n", 305),
        ("m=audio 4000 RTP/SAVP 0\r\n", 302),
        ("c=IN IP4 pbx.example\r\nm=audio 4000 RTP/AVP 0\r\n", 301),
        ("c=IN IP4 224.0.0.1\r\nm=audio 4000 RTP/AVP 0\r\n", 330),
    ],
)  # fmt: skip
def test_a_refusal_says_what_to_warn_of(text: str, code: int) -> None:
    """RFC 3261 §20.43."""
    with pytest.raises(sdp.SdpError) as refusal:
        sdp.answer(offer(text), HERE, 6000)
    assert refusal.value.warning == code


def test_hold_is_mirrored_and_taken_back() -> None:
    """RFC 3264 §8.4: from both sides, one after the other."""
    mine = sdp.offer(HERE, 6000, direction="sendonly")
    theirs, heard = sdp.answer(mine, "192.0.2.2", 4000)
    assert (heard.direction, heard.on_hold, sdp.accept_answer(mine, theirs).direction) == ("recvonly", True, "sendonly")
    back = sdp.offer("192.0.2.2", 4000, previous=theirs, direction="sendonly")
    both, _ = sdp.answer(back, HERE, 6000, previous=mine, direction="sendonly")
    assert sdp.accept_answer(back, both).direction == "inactive"
    resumed, _ = sdp.answer(sdp.offer("192.0.2.2", 4000, previous=back), HERE, 6000, previous=both)
    assert sdp.parse(resumed).media[0].direction == "sendrecv"
    assert sdp.parse(resumed).version > sdp.parse(both).version

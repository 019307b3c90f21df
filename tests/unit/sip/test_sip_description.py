"""Reading session descriptions."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringback.sip import description
from ringback.sip.description import MAX_CRYPTO, AudioDescription, Codec, Media, SdpError, parse

FULL = (
    "v=0\r\no=ann 123 456 IN IP4 192.0.2.2\r\ns=-\r\nc=IN IP4 192.0.2.2\r\nb=AS:64\r\nt=0 0\r\n"
    "a=sendonly\r\na=ptime:40\r\n"
    "m=audio 4000/2 RTP/AVP 96 0 8 101 102\r\na=rtpmap:96 opus/48000/2\r\na=rtpmap:101 telephone-event/48000\r\n"
    "a=rtpmap:102 telephone-event/8000\r\na=fmtp:102 0-16\r\na=ptime:30\r\na=maxptime:60\r\n"
    "m=video 5000 RTP/AVP 31\r\nc=IN IP6 2001:db8::1/127\r\na=inactive\r\n"
)


def test_a_description() -> None:
    session = parse(FULL.encode())
    assert (session.session_id, session.version) == (123, 456)
    audio, video = session.media
    assert (audio.kind, audio.port, audio.protocol, audio.address) == ("audio", 4000, "RTP/AVP", "192.0.2.2")
    assert (audio.direction, audio.ptime_ms, audio.maxptime_ms) == ("sendonly", 30, 60)
    assert audio.codecs == (
        Codec(96, "OPUS", 48000), Codec(0, "PCMU", 8000), Codec(8, "PCMA", 8000),
        Codec(101, "TELEPHONE-EVENT", 48000), Codec(102, "TELEPHONE-EVENT", 8000),
    )  # fmt: skip
    assert (video.kind, video.address, video.direction) == ("video", "2001:db8::1", "inactive")
    described = AudioDescription.of(audio)
    assert [codec.name for codec in described.codecs] == ["PCMU", "PCMA"]
    assert (described.telephone_event, described.held) == (102, True)


@pytest.mark.parametrize(
    "text",
    [
        "v=0\nm=audio 4000 RTP/AVP 0\n",
        "v=0\rm=audio 4000 RTP/AVP 0\r",
        "v=0\r\nm=audio 4000 RTP/AVP 0",
        "v=0 \r\nm= audio  4000  RTP/AVP  0 \r\n\r\n",
        "v=0\r\nm=audio 4000 RTP/AVP 0\r\na=ptime:x\r\na=rtpmap:nonsense\r\na=rtpmap:300 a/1\r\na=maxptime:0\r\n",
        "v=0\r\nz=anything\r\nm=audio 4000 RTP/AVP 0\r\n",
    ],
)
def test_what_is_forgiven(text: str) -> None:
    (audio,) = parse(text.encode()).media
    assert (audio.port, audio.codecs, audio.ptime_ms) == (4000, (Codec(0, "PCMU", 8000),), None)


def test_packet_times_with_a_fraction_are_cut() -> None:
    (audio,) = parse(b"v=0\r\nm=audio 4000 RTP/AVP 0\r\na=ptime:20.0\r\n").media
    assert audio.ptime_ms == 20


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "begin with v=0"),
        ("v=1\r\n", "begin with v=0"),
        ("v=0\r\nnonsense\r\n", "not of the form"),
        ("v=0\r\nab=c\r\n", "not of the form"),
        ("v=0\r\no=- 1 IN IP4 x\r\n", "origin"),
        ("v=0\r\no=- one 1 IN IP4 x\r\n", "origin"),
        ("v=0\r\no=- 123456789012345678901 1 IN IP4 x\r\n", "origin"),
        ("v=0\r\nc=IN IP4\r\n", "connection line"),
        ("v=0\r\nc=ATM NSAP x\r\n", "connection line"),
        ("v=0\r\nm=audio\r\n", "media line"),
        ("v=0\r\nm=audio 70000 RTP/AVP 0\r\n", "media line"),
        ("v=0\r\n" + "m=audio 1 RTP/AVP 0\r\n" * 33, "media line"),
        ("v=0\r\n" + "a=x\r\n" * 401, "lines of SDP"),
        ("v=0\r\na=" + "x" * 17000, "bytes of SDP"),
    ],
)
def test_what_cannot_be_read(text: str, reason: str) -> None:
    with pytest.raises(SdpError, match=reason) as caught:
        parse(text.encode())
    assert caught.value.status == 400


@pytest.mark.parametrize("address", ["", "phone.example.com", "224.2.17.12", "ff02::1", "1.2.3"])
def test_addresses_must_be_those_of_one_host(address: str) -> None:
    with pytest.raises(SdpError) as caught:
        description.host_address(address)
    assert caught.value.status == 488


@pytest.mark.parametrize(
    ("direction", "address", "held"),
    [("sendrecv", "192.0.2.2", False), ("recvonly", "192.0.2.2", False), ("sendonly", "192.0.2.2", True),
     ("inactive", "192.0.2.2", True), ("sendrecv", "0.0.0.0", True), ("sendrecv", "::", True)],
)  # fmt: skip
def test_hold(direction: str, address: str, held: bool) -> None:
    media = Media("audio", 4000, "RTP/AVP", ("0",), address, direction)  # type: ignore[arg-type]
    assert AudioDescription.of(media).held is held


@given(st.binary(max_size=200), st.integers(0, len(FULL)), st.integers(0, 50))
def test_nothing_but_the_documented_error(junk: bytes, start: int, cut: int) -> None:
    """A cut and patched description is read, or refused by SdpError."""
    data = FULL.encode()[:start] + junk + FULL.encode()[start + cut :]
    try:
        for media in parse(data).media:
            AudioDescription.of(media)
    except SdpError as error:
        assert error.status in (400, 488)


def test_keys_are_kept_as_written_by_their_media_line_and_bounded() -> None:
    lines = "".join(f"a=crypto:{n} SUITE  inline:KEY|2^31\r\n" for n in range(20))
    session = parse(f"v=0\r\na=crypto:9 X Y\r\nm=audio 1 RTP/SAVP 0\r\n{lines}m=audio 2 RTP/AVP 0\r\n".encode())

    assert [len(media.crypto) for media in session.media] == [MAX_CRYPTO, 0]
    assert session.media[0].crypto[1] == "1 SUITE  inline:KEY|2^31"
    assert "KEY" not in repr(session)

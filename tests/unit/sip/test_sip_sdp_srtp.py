"""Offer and answer of encrypted audio, under each policy (RFC 4568 §5.1, §7)."""

import pytest

from ringback.rtp.srtp import SrtpSession
from ringback.sip import sdp
from ringback.sip.sdes import ENTROPY_BYTES, SUITES, Agreed, Crypto
from ringback.sip.sdp import SdpError, SrtpPolicy

HERE, THERE = "192.0.2.1", "192.0.2.2"
LONG, SHORT = SUITES
OURS, THEIRS, NEW = (bytes((n,)) + bytes(range(1, ENTROPY_BYTES)) for n in range(3))
KEY = Crypto(1, LONG, THEIRS[:30])
SECURE = f"m=audio 4000 RTP/SAVP 0\r\na=crypto:{KEY.line()}\r\n"
BOTH = SECURE.replace("SAVP", "AVP")
PLAIN = "m=audio 4000 RTP/AVP 0\r\n"
UNKNOWN = "m=audio 4000 RTP/SAVP 0\r\na=crypto:1 AEAD_AES_256_GCM inline:AAAA\r\n"


def described(media: str) -> bytes:
    """Write the peer's description."""
    return f"v=0\r\no=- 7 7 IN IP4 {THERE}\r\ns=-\r\nc=IN IP4 {THERE}\r\nt=0 0\r\n{media}".encode()


def lines(data: bytes) -> list[str]:
    """Return what a description says of protocols and keys."""
    return [line for line in data.decode().split("\r\n") if line.startswith(("m=", "a=crypto"))]


def answered(media: str, srtp: SrtpPolicy) -> tuple[bytes, sdp.Negotiated]:
    return sdp.answer(described(media), HERE, 6000, srtp=srtp, entropy=OURS)


@pytest.mark.parametrize("srtp", ["optional", "required"])
@pytest.mark.parametrize(
    ("media", "protocol"),
    [(SECURE, "RTP/SAVP"), (BOTH, "RTP/AVP"), (SECURE.replace("SAVP", "SAVPF"), "RTP/SAVPF")],
)
def test_an_offer_with_a_key_is_answered_with_one(srtp: SrtpPolicy, media: str, protocol: str) -> None:
    data, agreed = answered(media, srtp)

    assert agreed.crypto == Agreed(LONG, OURS[:30], THEIRS[:30])
    assert lines(data) == [f"m=audio 6000 {protocol} 0", f"a=crypto:{Crypto(1, LONG, OURS[:30]).line()}"]


def test_the_first_key_that_we_can_use_is_taken() -> None:
    media = UNKNOWN + f"a=crypto:4 {SHORT} {KEY.line().split()[2]}|2^31|1:1\r\na=crypto:{KEY.line()}\r\n"
    data, agreed = answered(media, "required")

    assert agreed.crypto == Agreed(SHORT, OURS[:30], THEIRS[:30], b"\x01")
    assert lines(data)[1].startswith(f"a=crypto:4 {SHORT} inline:")


@pytest.mark.parametrize("srtp", ["off", "optional"])
@pytest.mark.parametrize("media", [PLAIN, BOTH.replace(LONG, "AEAD_AES_256_GCM")])
def test_plain_audio_is_taken_unless_srtp_is_required(srtp: SrtpPolicy, media: str) -> None:
    data, agreed = answered(media, srtp)

    assert agreed.crypto is None
    assert lines(data) == ["m=audio 6000 RTP/AVP 0"]


def test_where_srtp_is_off_keys_are_passed_over() -> None:
    data, agreed = sdp.answer(described(BOTH), HERE, 6000)

    assert (agreed.crypto, lines(data)) == (None, ["m=audio 6000 RTP/AVP 0"])


@pytest.mark.parametrize(
    ("media", "srtp", "reason"),
    [
        (SECURE, "off", "RTP/SAVP is none of RTP/AVP, RTP/AVPF: SRTP is switched off"),
        (PLAIN, "required", "RTP/AVP is plain, and SRTP is required: there is no a=crypto"),
        (UNKNOWN.replace("SAVP", "AVP"), "required", "SRTP is required: AEAD_AES_256_GCM is none of AES_CM_128"),
        (UNKNOWN, "optional", "RTP/SAVP without a key that we can use: AEAD_AES_256_GCM is none of"),
        (SECURE.partition("a=")[0], "required", "RTP/SAVP without a key that we can use: there is no a=crypto"),
        (PLAIN.replace("RTP/AVP", "UDP/TLS/RTP/SAVPF"), "optional", "UDP/TLS/RTP/SAVPF is none of RTP/AVP, RTP/AVPF, "),
    ],
)
def test_offers_that_do_not_fit_the_policy(media: str, srtp: SrtpPolicy, reason: str) -> None:
    with pytest.raises(SdpError, match=reason) as caught:
        answered(media, srtp)
    assert caught.value.status == 488


@pytest.mark.parametrize(
    ("srtp", "protocol", "port"),
    [("off", "RTP/AVP", 4002), ("optional", "RTP/SAVP", 4000), ("required", "RTP/SAVP", 4000)],
)
def test_of_an_encrypted_and_a_plain_line_the_policy_takes_the_first_that_fits(
    srtp: SrtpPolicy, protocol: str, port: int
) -> None:
    data, agreed = answered(SECURE + PLAIN.replace("4000", "4002"), srtp)

    assert agreed.remote == (THERE, port)
    assert f"m=audio 6000 {protocol} 0" in lines(data)
    assert len([line for line in lines(data) if line.startswith("m=audio 0 ")]) == 1


def test_offers_under_each_policy() -> None:
    keys = [f"a=crypto:{Crypto(1, LONG, OURS[:30]).line()}", f"a=crypto:{Crypto(2, SHORT, OURS[30:]).line()}"]
    policies: tuple[SrtpPolicy, ...] = ("off", "optional", "required")
    offers = [lines(sdp.offer(HERE, 6000, srtp=srtp, entropy=OURS)) for srtp in policies]

    assert offers == [
        ["m=audio 6000 RTP/AVP 0 8 101"],
        ["m=audio 6000 RTP/AVP 0 8 101", *keys],
        ["m=audio 6000 RTP/SAVP 0 8 101", *keys],
    ]


@pytest.mark.parametrize("policy", ["optional", "required"])
def test_keys_need_entropy(policy: SrtpPolicy) -> None:
    with pytest.raises(ValueError, match="60 bytes of entropy, not 0"):
        sdp.offer(HERE, 6000, srtp=policy)
    with pytest.raises(ValueError, match="60 bytes of entropy, not 30"):
        sdp.answer(described(SECURE), HERE, 6000, srtp=policy, entropy=OURS[:30])


@pytest.mark.parametrize("theirs", ["off", "optional", "required"])
@pytest.mark.parametrize("ours", ["off", "optional", "required"])
def test_both_sides_come_to_the_same_end(ours: SrtpPolicy, theirs: SrtpPolicy) -> None:
    """What each policy makes of each: encrypted where both can, nothing where one must and the other cannot."""
    offer = sdp.offer(HERE, 6000, srtp=ours, entropy=OURS)
    if {ours, theirs} == {"off", "required"}:
        with pytest.raises(SdpError):
            sdp.answer(offer, THERE, 4000, srtp=theirs, entropy=THEIRS)
        return
    answer, far = sdp.answer(offer, THERE, 4000, srtp=theirs, entropy=THEIRS)
    near = sdp.accept_answer(offer, answer, srtp=ours)
    if "off" in (ours, theirs):
        assert near.crypto is far.crypto is None
        return
    assert near.crypto is not None
    assert far.crypto is not None
    assert (near.crypto.suite, near.crypto.local_key) == (far.crypto.suite, far.crypto.remote_key)
    assert (near.crypto.remote_key, near.crypto.suite) == (far.crypto.local_key, LONG)


def test_what_was_agreed_on_encrypts() -> None:
    offer = sdp.offer(HERE, 6000, srtp="required", entropy=OURS)
    answer, far = sdp.answer(offer, THERE, 4000, srtp="optional", entropy=THEIRS)
    near = sdp.accept_answer(offer, answer)
    us, peer = (
        SrtpSession(crypto.suite, crypto.remote_key, crypto.local_key)
        for crypto in (near.crypto, far.crypto)
        if crypto is not None
    )
    packet = bytes.fromhex("80000001 00000000 00000007") + b"hello"

    assert peer.unprotect(us.protect(packet)) == packet
    assert us.unprotect(peer.protect(packet)) == packet


@pytest.mark.parametrize(
    ("offered", "media", "srtp", "reason"),
    [
        ("required", PLAIN, "required", "not agreed on: there is no a=crypto"),
        ("required", PLAIN, "off", "not agreed on: there is no a=crypto"),
        ("optional", PLAIN, "required", "not agreed on: there is no a=crypto"),
        ("off", PLAIN, "required", "not agreed on: there is no a=crypto"),
        ("optional", SECURE.partition("a=")[0], "optional", "not agreed on: there is no a=crypto"),
        ("optional", BOTH.replace("crypto:1", "crypto:9"), "optional", "with tag 9, which was not offered"),
        ("required", UNKNOWN, "required", "not agreed on: AEAD_AES_256_GCM is none of"),
        ("required", SECURE.replace(KEY.line(), Crypto(1, LONG, OURS[:30]).line()), "required", "our own key back"),
    ],
)
def test_answers_that_do_not_fit_the_offer(offered: SrtpPolicy, media: str, srtp: SrtpPolicy, reason: str) -> None:
    offer = sdp.offer(HERE, 6000, srtp=offered, entropy=OURS)
    with pytest.raises(SdpError, match=reason) as caught:
        sdp.accept_answer(offer, described(media), srtp=srtp)
    assert caught.value.status == 488


@pytest.mark.parametrize("media", [SECURE, BOTH])
@pytest.mark.parametrize("offered", ["optional", "required"])
def test_keys_count_more_than_the_name_of_the_protocol(offered: SrtpPolicy, media: str) -> None:
    """Who answers with a key encrypts, whichever of the two protocols it writes."""
    agreed = sdp.accept_answer(sdp.offer(HERE, 6000, srtp=offered, entropy=OURS), described(media), srtp=offered)

    assert agreed.crypto == Agreed(LONG, OURS[:30], THEIRS[:30])


def test_keys_in_an_answer_to_a_plain_offer_are_passed_over() -> None:
    assert sdp.accept_answer(sdp.offer(HERE, 6000), described(BOTH)).crypto is None


def version(data: bytes) -> int:
    return sdp.parse(data).version


def test_a_peer_that_offers_again_with_its_key_gets_ours_again() -> None:
    first, before = answered(SECURE, "required")
    again, agreed = sdp.answer(
        described(SECURE), HERE, 6000, previous=first, srtp="required", entropy=NEW, agreed=before.crypto
    )

    assert again == first
    assert agreed.crypto == before.crypto


def test_a_peer_that_offers_again_with_another_key_gets_another() -> None:
    first, before = answered(SECURE, "required")
    changed = SECURE.replace(KEY.line(), Crypto(1, LONG, bytes(30)).line())
    again, agreed = sdp.answer(
        described(changed), HERE, 6000, previous=first, srtp="required", entropy=NEW, agreed=before.crypto
    )

    assert agreed.crypto == Agreed(LONG, NEW[:30], bytes(30))
    assert version(again) == version(first) + 1


@pytest.mark.parametrize("srtp", ["optional", "required"])
def test_our_own_offers_keep_the_keys_of_the_one_before(srtp: SrtpPolicy) -> None:
    first = sdp.offer(HERE, 6000, srtp=srtp, entropy=OURS)
    assert sdp.offer(HERE, 6000, srtp=srtp, entropy=NEW, previous=first) == first
    held = sdp.offer(HERE, 6000, srtp=srtp, entropy=NEW, previous=first, direction="sendonly")

    assert lines(held) == lines(first)
    assert version(held) == version(first) + 1


@pytest.mark.parametrize("media", [SECURE, BOTH])
def test_our_offer_after_an_answer_keeps_its_protocol_suite_and_key(media: str) -> None:
    """The peer chose them: another suite would be another key."""
    first, before = answered(media.replace(LONG, SHORT), "required")
    ours = sdp.offer(HERE, 6000, codecs=["PCMU"], telephone_event=None, previous=first, srtp="required", entropy=NEW)
    answer, _ = sdp.answer(ours, THERE, 4000, srtp="optional", entropy=THEIRS)
    agreed = sdp.accept_answer(ours, answer, srtp="required")

    assert lines(ours) == lines(first)
    assert agreed.crypto == before.crypto


def test_an_offer_after_a_plain_answer_asks_for_keys_again() -> None:
    first, _ = answered(PLAIN, "optional")
    again = sdp.offer(HERE, 6000, previous=first, srtp="optional", entropy=OURS)

    assert len(lines(again)) == 3


def test_keys_are_not_shown() -> None:
    data, agreed = answered(SECURE, "required")
    shown = f"{agreed} {sdp.parse(data)}"

    assert "inline" not in shown
    assert str(OURS[:30]) not in shown

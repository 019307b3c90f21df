"""Keys in session descriptions (RFC 4568)."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringback.rtp import srtp
from ringback.sip import sdes
from ringback.sip.sdes import ENTROPY_BYTES, KEY_BYTES, SUITES, Agreed, Crypto, SdesError

LONG, SHORT = SUITES
KEY = base64.b64decode("WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz")
TEXT = base64.b64encode(KEY).decode()
ENTROPY = bytes(range(ENTROPY_BYTES))
OTHER = Crypto(3, LONG, bytes(KEY_BYTES))


def test_suites_and_keys_are_those_that_packets_can_be_encrypted_with() -> None:
    assert set(SUITES) == set(srtp.SUITES)
    assert KEY_BYTES == srtp.KEY_BYTES


@pytest.mark.parametrize(
    ("value", "crypto"),
    [
        (f"1 {LONG} inline:{TEXT}|2^20|1:4", Crypto(1, LONG, KEY, 2**20, b"\x00\x00\x00\x01")),
        (f"2 {SHORT} inline:{TEXT}", Crypto(2, SHORT, KEY)),
        (f"0 {LONG} inline:{TEXT}|2^48", Crypto(0, LONG, KEY, 2**48)),
        (f"999999999 {LONG} inline:{TEXT}|2147483648|255:1", Crypto(999999999, LONG, KEY, 2**31, b"\xff")),
        (f"1 {LONG} inline:{TEXT}|1:1", Crypto(1, LONG, KEY, None, b"\x01")),
        (f"1  {LONG.lower()}\t INLINE:{TEXT} KDR=0 WSH=128 -experiment=7", Crypto(1, LONG, KEY)),
    ],
    ids=["the RFC's", "bare", "lifetime", "decimal", "MKI alone", "parameters and spaces"],
)
def test_attributes(value: str, crypto: Crypto) -> None:
    assert sdes.parse(value) == crypto


@given(
    st.builds(
        Crypto,
        st.integers(0, 999_999_999),
        st.sampled_from(SUITES),
        st.binary(min_size=KEY_BYTES, max_size=KEY_BYTES),
        st.none() | st.integers(sdes.LEAST_LIFETIME, sdes.MOST_LIFETIME),
        st.binary(max_size=16),
    )
)
def test_what_is_written_is_read(crypto: Crypto) -> None:
    assert sdes.parse(crypto.line()) == crypto


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("", "not of the form"),
        (f"1 {LONG}", "not of the form"),
        (f"x {LONG} inline:{TEXT}", "not of the form"),
        (f"1234567890 {LONG} inline:{TEXT}", "not of the form"),
        (f"1 F8_128_HMAC_SHA1_80 inline:{TEXT}", "F8_128_HMAC_SHA1_80 is none of AES_CM_128_HMAC_SHA1_80, "),
        (f"1 {LONG} inline:{TEXT} UNENCRYPTED_SRTP", "'UNENCRYPTED_SRTP' is not supported"),
        (f"1 {LONG} inline:{TEXT} UNAUTHENTICATED_SRTP", "'UNAUTHENTICATED_SRTP' is not supported"),
        (f"1 {LONG} inline:{TEXT} KDR=24", "'KDR=24' is not supported"),
        (f"1 {LONG} inline:{TEXT};inline:{TEXT}", "several keys"),
        (f"1 {LONG} {TEXT}", "not `inline:` with 30 bytes"),
        (f"1 {LONG} inline:{TEXT[:-1]}", "not `inline:` with 30 bytes"),
        (f"1 {LONG} inline:{TEXT[:-1]}!", "not `inline:` with 30 bytes"),
        (f"1 {LONG} inline:{TEXT}|2^20|1:4|x", "not `inline:` with 30 bytes"),
        (f"1 {LONG} inline:{TEXT}|2^20|1", "more than `|lifetime|MKI:length`"),
        (f"1 {LONG} inline:{TEXT}|1:4|2^20", "more than `|lifetime|MKI:length`"),
        (f"1 {LONG} inline:{TEXT}|1:0", "MKI 1:0 does not fit"),
        (f"1 {LONG} inline:{TEXT}|1:129", "MKI 1:129 does not fit"),
        (f"1 {LONG} inline:{TEXT}|256:1", "MKI 256:1 does not fit"),
        (f"1 {LONG} inline:{TEXT}|soon", "'soon' is no number of packets"),
        (f"1 {LONG} inline:{TEXT}|2^19", r"a key for 2\^19 packets"),
        (f"1 {LONG} inline:{TEXT}|2^49", r"a key for 2\^49 packets"),
        (f"1 {LONG} inline:{TEXT} " + "-" * 500, "characters of a=crypto are more than 512"),
    ],
)
def test_attributes_that_cannot_be_used(value: str, reason: str) -> None:
    with pytest.raises(SdesError, match=reason) as caught:
        sdes.parse(value)
    assert TEXT[:20] not in str(caught.value)


@given(st.text(max_size=80), st.integers(0, 80), st.integers(0, 20))
def test_nothing_but_the_documented_error(junk: str, start: int, cut: int) -> None:
    """A cut and patched attribute is read, or refused by SdesError."""
    value = f"1 {LONG} inline:{TEXT}|2^20|1:4"
    for text in (junk, value[:start] + junk + value[start + cut :]):
        try:
            assert sdes.parse(text).suite in SUITES
        except SdesError:
            continue


def test_keys_are_not_shown() -> None:
    crypto = Crypto(1, LONG, KEY)
    agreed = Agreed(LONG, KEY, KEY)

    assert repr(crypto) == f"Crypto(tag=1, suite={LONG!r}, lifetime=None, mki=b'')"
    assert repr(agreed) == f"Agreed(suite={LONG!r}, remote_mki=b'')"
    assert TEXT not in f"{crypto} {agreed}"


def test_a_key_has_thirty_bytes() -> None:
    with pytest.raises(SdesError, match="30 bytes with its salt, not 16"):
        Crypto(1, LONG, bytes(16))


def test_the_first_that_can_be_used_is_chosen() -> None:
    offered = ["1 AEAD_AES_256_GCM inline:AAAA", f"2 {SHORT} inline:{TEXT}", f"3 {LONG} inline:{TEXT}"]

    assert sdes.choose(offered) == Crypto(2, SHORT, KEY)


def test_where_none_can_be_used_each_reason_is_told_once() -> None:
    with pytest.raises(SdesError, match=r"^there is no a=crypto$"):
        sdes.choose([])
    with pytest.raises(SdesError, match=r"^X is none of [^;]*; several keys in one line are not supported$"):
        sdes.choose([f"1 X inline:{TEXT}", f"2 X inline:{TEXT}", f"3 {LONG} inline:{TEXT};inline:{TEXT}"])


def test_an_offer_has_a_key_for_each_suite() -> None:
    assert sdes.make_offer(ENTROPY) == (Crypto(1, LONG, ENTROPY[:30]), Crypto(2, SHORT, ENTROPY[30:]))
    with pytest.raises(ValueError, match="60 bytes of entropy, not 59"):
        sdes.make_offer(ENTROPY[:59])


def test_an_answer_repeats_tag_and_suite_with_a_key_of_its_own() -> None:
    mine, agreed = sdes.make_answer(Crypto(7, SHORT, KEY, 2**31, b"\x01"), ENTROPY)

    assert mine == Crypto(7, SHORT, ENTROPY[:30])
    assert agreed == Agreed(SHORT, ENTROPY[:30], KEY, b"\x01")
    with pytest.raises(ValueError, match="60 bytes of entropy, not 0"):
        sdes.make_answer(OTHER, b"")


@pytest.mark.parametrize(
    ("offered", "kept"),
    [(Crypto(1, LONG, KEY), True), (Crypto(2, LONG, KEY), True), (OTHER, False), (Crypto(1, SHORT, KEY), False)],
    ids=["the same", "another tag", "another key", "another suite"],
)
def test_our_key_is_kept_while_the_peer_keeps_its_own(offered: Crypto, kept: bool) -> None:
    before = Agreed(LONG, bytes(30), KEY)
    mine, agreed = sdes.make_answer(offered, ENTROPY, before)

    assert (mine.key == before.local_key) is kept
    assert agreed == Agreed(offered.suite, mine.key, offered.key)


def test_an_answer_is_matched_with_the_offer() -> None:
    ours = [crypto.line() for crypto in sdes.make_offer(ENTROPY)]

    assert sdes.accept(ours, [f"2 {SHORT} inline:{TEXT}|1:2"]) == Agreed(SHORT, ENTROPY[30:], KEY, b"\x00\x01")


@pytest.mark.parametrize(
    ("answered", "reason"),
    [
        ([], "there is no a=crypto"),
        ([f"1 {SHORT} inline:{TEXT}"], f"takes up {SHORT} with tag 1, which was not offered"),
        ([f"3 {LONG} inline:{TEXT}"], f"takes up {LONG} with tag 3, which was not offered"),
        ([Crypto(1, LONG, ENTROPY[:30]).line()], "our own key back"),
    ],
)
def test_answers_that_do_not_match(answered: list[str], reason: str) -> None:
    ours = [crypto.line() for crypto in sdes.make_offer(ENTROPY)]
    with pytest.raises(SdesError, match=reason):
        sdes.accept(ours, answered)

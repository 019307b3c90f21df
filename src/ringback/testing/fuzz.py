"""Fuzz targets: each takes any bytes, and raises for nothing but a broken promise.

`python -m ringback.testing.fuzz TARGET [TRIES] [SEED]` runs one by the dice of a seed, which a failure tells; a fuzzer
that is led by coverage takes the same functions, as in `atheris.Setup(sys.argv, front_end)`.
"""

import random
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress

from ringback.sip import auth, sdp, transfer
from ringback.sip.endpoint import Endpoint
from ringback.sip.events import Flow, IncomingCall, Send
from ringback.sip.fields import FieldError, parse_name_addr, parse_parameters, parse_uri, parse_via, split_outside
from ringback.sip.message import SipParseError, parse
from ringback.sip.sdp import SdpError

FLOW = Flow("UDP", ("192.0.2.1", 5060), ("192.0.2.2", 5060))
OFFER = (
    b"v=0\r\no=- 1 1 IN IP4 192.0.2.2\r\ns=-\r\nc=IN IP4 192.0.2.2\r\nt=0 0\r\na=sendrecv\r\n"
    b"m=audio 4000 RTP/AVP 0 8 101\r\na=rtpmap:101 telephone-event/8000\r\na=rtcp:4001\r\na=ptime:20\r\n"
)
INVITE = (
    b"INVITE sip:a@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.2;branch=z9hG4bK1;rport\r\nMax-Forwards: 70\r\n"
    b'From: "B" <sip:b@192.0.2.2>;tag=1\r\nTo: <sip:a@192.0.2.1>\r\nCall-ID: c\r\nCSeq: 7 INVITE\r\n'
    b"Contact: <sip:b@192.0.2.2>\r\nSupported: 100rel, timer, replaces\r\nSession-Expires: 600;refresher=uac\r\n"
    b"Replaces: x;to-tag=y;from-tag=z\r\nReason: Q.850;cause=16\r\nContent-Type: application/sdp\r\n\r\n" + OFFER
)
HEADERS = (
    b'"A \\" B" <sip:a:b@[2001:db8::1]:5060;transport=tcp?x=y>;tag=1;q=0.5, <tel:+1-2>\n'
    b"SIP/2.0/UDP [2001:db8::9:1];branch=z9hG4bKx;received=1.2.3.4;rport=5\n"
    b'Digest realm="r", nonce="n", algorithm=SHA-256, qop="auth,auth-int", stale=true\n'
    b"<sip:x@y?Replaces=a%3Bto-tag%3Db%3Bfrom-tag%3Dc>"
)


def front_end(data: bytes) -> None:
    """Every message is read, or refused by the one documented error."""
    for stream in (False, True):
        with suppress(SipParseError):
            parse(data, stream=stream)


def headers(data: bytes) -> None:
    """Every header value is read, or refused by the one documented error."""
    for text in data.decode("utf-8", "surrogateescape").split("\n"):
        readers: Sequence[Callable[[str], object]] = (
            parse_name_addr, parse_parameters, parse_uri, parse_via, transfer.parse_refer_to, transfer.parse_replaces,
        )  # fmt: skip
        for reader in readers:
            with suppress(FieldError):
                reader(text)
        with suppress(FieldError):
            split_outside(text, ",")
        with suppress(auth.AuthError):
            auth.parse_challenge(text)


def description(data: bytes) -> None:
    """Every description is answered, in the same number of media lines, or refused by the one documented error."""
    with suppress(SdpError):
        answer, _ = sdp.answer(data, "192.0.2.1", 6000)
        assert len(sdp.parse(answer).media) == len(sdp.parse(data).media)
        sdp.answer(data, "192.0.2.1", 6000, previous=answer, direction="sendonly")
    with suppress(SdpError):
        sdp.accept_answer(sdp.offer("192.0.2.1", 6000), data)


def endpoint(data: bytes) -> None:
    """Whatever comes, before a call and within one, the endpoint takes it."""
    user = Endpoint(rng=random.Random(1), trace=True, serves={"REGISTER", "MESSAGE"})
    for piece in (data, INVITE, data, data.replace(b"INVITE", b"UPDATE").replace(b"CSeq: 7", b"CSeq: 8")):
        user.receive(piece, FLOW, 0.0)
        while (item := user.poll()) is not None:
            if isinstance(item, IncomingCall):
                user.ring(item.call, 0.0, 183, OFFER)
                user.answer(item.call, OFFER, 0.0)
            elif isinstance(item, Send):
                user.receive(item.data, FLOW, 0.0)
    user.handle_timeout(1000.0)


TARGETS: dict[str, tuple[Callable[[bytes], None], bytes]] = {
    "front-end": (front_end, INVITE),
    "headers": (headers, HEADERS),
    "sdp": (description, OFFER),
    "endpoint": (endpoint, INVITE),
}
"""Each target with an example to begin with."""


_PUNCTUATION = b'\r\n\t ;,:<>"=@?%&[]\0\xff'


def mutated(example: bytes, dice: random.Random) -> bytes:
    """Cut, double, move and overwrite pieces of an example."""
    data = bytearray(example)
    for _ in range(dice.randint(1, 6)):
        at, size = dice.randrange(len(data) + 1), dice.randrange(24)
        pieces = [b"", dice.randbytes(size), bytes(data[at : at + size]) * 2, bytes([dice.choice(_PUNCTUATION)]) * size]
        data[at : at + dice.randrange(24)] = dice.choice(pieces)
    return bytes(data)


def run(name: str, tries: int, seed: int = 1) -> None:
    """Run a target so many times; an exception that escapes it carries the seed and the bytes."""
    target, example = TARGETS[name]
    dice = random.Random(seed)
    for number in range(tries):
        data = mutated(example, dice)
        try:
            target(data)
        except Exception as error:
            error.add_note(f"seed {seed}, try {number}: {data!r}")
            raise


def main(arguments: Sequence[str]) -> None:
    """Run the target that is named."""
    name, tries, seed = [*arguments, *("10000", "1")[len(arguments) - 1 :]]
    run(name, int(tries), int(seed))
    sys.stdout.write(f"{tries} times {name}: nothing found\n")


if __name__ == "__main__":
    main(sys.argv[1:])

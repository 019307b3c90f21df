"""Who may start something here: the screen of an endpoint (`ringback.sip.values.Verdict`).

In this order: the guard, the addresses of trunks, a digest, the addresses that need none. Strangers get a challenge
where there is anybody who could answer it, and silence otherwise.
"""

from collections.abc import Callable, Iterable
from typing import Protocol

from ringback.sip.auth import AuthError
from ringback.sip.auth_server import DigestServer
from ringback.sip.guard import Guard, Network, within
from ringback.sip.values import Allow, Challenge, Deny, Flow, RequestView, Silent, Verdict


class Peers(Protocol):
    """Those who are known here. Each answer is wanted at once: they are kept in memory."""

    def secret(self, username: str, algorithm: str) -> str | None:
        """Return the `ringback.sip.auth.ha1` of a user, or None where there is none."""

    def identity(self, username: str) -> str:
        """Return who that user is: `phone:NAME` or `trunk:NAME`."""

    def trunk_at(self, host: str) -> str | None:
        """Return the name of the trunk that calls from this address, or None."""

    def any_users(self) -> bool:
        """Tell whether there is anybody who could answer a challenge."""


class Screen:
    """Decides on each request that is to start something: `screen(view, flow, now)`."""

    def __init__(
        self,
        guard: Guard,
        digest: DigestServer,
        peers: Peers,
        *,
        open_to: Iterable[Network] = (),
        is_bound: Callable[[Flow], bool] = lambda flow: False,
        is_own: Callable[[Flow], bool] = lambda flow: False,
        asks_all: Callable[[RequestView], bool] = lambda view: False,
    ) -> None:
        """`open_to`: addresses that may call without a proof.

        `is_bound` tells whether a phone registered by a flow, `is_own` whether it is this server that calls itself.
        `asks_all` tells whether a request is for something that wants a proof of everybody, those addresses included.
        """
        self._guard = guard
        self._digest = digest
        self._peers = peers
        self._open_to = tuple(open_to)
        self._is_bound = is_bound
        self._is_own = is_own
        self._asks_all = asks_all

    def knows(self, flow: Flow) -> bool:
        """Tell whether a flow is of somebody who may be told that a message could not be read: strangers may not."""
        host = flow.remote[0]
        return (
            within(host, self._open_to)
            or self._is_own(flow)
            or self._is_bound(flow)
            or self._peers.trunk_at(host) is not None
            or self._guard.always_allowed(host)
        )

    def __call__(self, view: RequestView, flow: Flow, now: float) -> Verdict:
        """Decide. Bounded work, and no memory for who has proven nothing but a look at how often it came."""
        host = flow.remote[0]
        trunk = self._peers.trunk_at(host)
        is_open = within(host, self._open_to) or self._is_own(flow)
        trusted = trunk is not None or is_open or self._guard.always_allowed(host)
        if not trusted and (reason := self._guard.inspect(host, view.header("user-agent") or "", now)) is not None:
            return Silent(reason)
        try:
            answer = self._digest.own(view.values("authorization"))
        except AuthError as error:
            if trunk is None and not is_open:
                self._guard.refused(host, "unreadable credentials", now)
                return Deny(400, f"Bad Request ({error})"[:100].encode("ascii", "replace").decode())
            answer = None
        if answer is not None:
            return self._check(answer, view, host, trusted, now)
        if view.method != "REGISTER" and not self._asks_all(view):
            if trunk is not None:
                return Allow(f"trunk:{trunk}")
            if is_open or (view.method == "OPTIONS" and self._is_bound(flow)):
                return Allow()
        return self._stranger(view, host, trusted, now)

    def _check(self, answer: dict[str, str], view: RequestView, host: str, trusted: bool, now: float) -> Verdict:
        check = self._digest.check(
            answer, method=view.method, uri=view.request_uri, body=view.body, secrets=self._peers.secret, source=host,
            now=now,
        )  # fmt: skip
        match check.finding:
            case "accepted":
                self._guard.proven(host, now)
                return Allow(self._peers.identity(check.username))
            case "stale" | "replayed":
                if check.finding == "replayed":
                    self._guard.refused(host, "replayed credentials", now)
                return Challenge(self._digest.challenge(now, host, stale=True))
            case "unreadable":
                self._guard.refused(host, "unreadable credentials", now)
                return Deny(400, "Bad Request (credentials)")
            case _:
                if trusted:
                    self._guard.refused(host, check.finding, now)
                else:
                    self._guard.asked(host, check.username, now)
                    self._guard.failed(host, check.finding, now)
                # The same words for a wrong name and a wrong password: nobody learns which users there are.
                return Deny(403, "Wrong Name or Password")

    def _stranger(self, view: RequestView, host: str, trusted: bool, now: float) -> Verdict:
        if not self._peers.any_users():
            reason = "there are no phones" if view.method == "REGISTER" else "address not allowed"
            self._guard.refused(host, reason, now)
            return Silent(f"{view.method[:20]} from an address that is not allowed" if not trusted else reason)
        if not trusted:
            self._guard.asked(host, view.from_user, now)
            if self._guard.blocked(host, now) is not None:
                self._guard.refused(host, "too many users", now)
                return Silent("too many users")
        return Challenge(self._digest.challenge(now, host))

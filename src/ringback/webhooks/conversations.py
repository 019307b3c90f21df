"""Cookies between messages: an application that answers texts knows whom it talks with from one to the next.

Source: clause 1.4 of the 2008-08-01 specification, clause 7 of the 2010-04-01 one.
"""

from collections import OrderedDict
from collections.abc import Callable

import aiohttp

from ringback.webhooks.client import WebhookClient, WebhookSession

LIFE = 4 * 3600.0
"""Seconds without a message after which the cookies of two numbers are forgotten."""
MOST = 10_000
"""Pairs of numbers whose cookies are kept; beyond, those that were silent longest are forgotten."""


class Conversations:
    """Gives each request about a message the cookies of the two numbers. They end with the process."""

    def __init__(
        self, client: WebhookClient, clock: Callable[[], float], *, life: float = LIFE, most: int = MOST
    ) -> None:
        """`clock` gives seconds; `life` and `most` bound what is kept."""
        self._client = client
        self._clock = clock
        self._life = life
        self._most = most
        self._jars: OrderedDict[tuple[str, str, str], tuple[float, aiohttp.CookieJar]] = OrderedDict()

    def session(self, auth_token: str, account_sid: str, ours: str, theirs: str) -> WebhookSession:
        """Begin the requests about a message between a number of the account and another one, in either direction."""
        now, pair = self._clock(), (account_sid, ours, theirs)
        last, jar = self._jars.pop(pair, (now, None))
        if jar is None or now - last > self._life:
            jar = aiohttp.CookieJar(unsafe=True)
        self._jars[pair] = now, jar
        # Those at the front were silent longest.
        while len(self._jars) > self._most or now - next(iter(self._jars.values()))[0] > self._life:
            self._jars.popitem(last=False)
        return self._client.session(auth_token, jar)

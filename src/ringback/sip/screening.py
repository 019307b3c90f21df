"""Who may start something: a look at each request outside of any dialog, before anything comes of it."""

from collections.abc import Callable

from ringback.sip.events import Flow
from ringback.sip.fields import user_of
from ringback.sip.message import Request, clean
from ringback.sip.reason import all_headers
from ringback.sip.values import Allow, Challenge, Deny, RequestView, Silent, Verdict

Screen = Callable[[RequestView, Flow, float], Verdict]
"""Looks at a request, the flow that it came by, and the time."""


def view(request: Request) -> RequestView:
    """Return what a screen sees of a request."""
    return RequestView(
        method=clean(request.method),
        request_uri=clean(request.uri),
        from_=clean(request.from_.uri),
        from_user=clean(user_of(request.from_.uri)),
        to=clean(request.to.uri),
        to_user=clean(user_of(request.to.uri)),
        call_id=clean(request.call_id),
        headers=all_headers(request),
        body=request.body,
    )


__all__ = ["Allow", "Challenge", "Deny", "RequestView", "Screen", "Silent", "Verdict", "view"]

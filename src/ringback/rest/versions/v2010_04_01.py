"""2010-04-01: the operations as the resources define them."""

from typing import Final

from ringback.rest.resources import (
    accounts,
    applications,
    available,
    caller_ids,
    calls,
    conferences,
    events,
    messages,
    notifications,
    numbers,
    queues,
    recordings,
    short_codes,
    sip,
    usage,
)

OPERATIONS: Final = (
    *accounts.OPERATIONS,
    *calls.OPERATIONS,
    *events.OPERATIONS,
    *recordings.OPERATIONS,
    *conferences.OPERATIONS,
    *queues.OPERATIONS,
    *notifications.OPERATIONS,
    *messages.OPERATIONS,
    *numbers.OPERATIONS,
    *short_codes.OPERATIONS,
    *available.OPERATIONS,
    *caller_ids.OPERATIONS,
    *applications.OPERATIONS,
    *sip.OPERATIONS,
    *usage.OPERATIONS,
)

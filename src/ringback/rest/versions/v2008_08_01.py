"""2008-08-01: what differs from 2010-04-01 on the wire. The handlers are the same."""

from typing import Final

from ringback.rest.operations import Operation

OPERATIONS: Final[tuple[Operation, ...]] = ()

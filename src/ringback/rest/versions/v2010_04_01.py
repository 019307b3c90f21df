"""2010-04-01: the operations as the resources define them."""

from typing import Final

from ringback.rest.resources import calls

OPERATIONS: Final = (*calls.OPERATIONS,)

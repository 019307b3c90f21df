"""What each version of the API offers: a table of operations."""

from typing import Final

from ringback.model.status import ApiVersion
from ringback.rest.operations import Operation
from ringback.rest.versions import v2008_08_01, v2010_04_01

TABLES: Final[dict[ApiVersion, tuple[Operation, ...]]] = {
    ApiVersion.V2008: v2008_08_01.OPERATIONS,
    ApiVersion.V2010: v2010_04_01.OPERATIONS,
}

"""Notifications: errors and warnings that an account can read, each with the request that it came up with."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from ringback.model.status import ApiVersion

LOG_ERROR: Final = 0
LOG_WARNING: Final = 1

MORE_INFO: Final = "https://www.twilio.com/docs/errors/{code}"
"""Where the vendor explains a code."""


@dataclass(frozen=True, slots=True)
class NotificationRecord:
    """An error or a warning (2008-08-01 clause 6.9). Where no request was made, what is told of it is empty."""

    sid: str
    account_sid: str
    call_sid: str | None
    """None where a REST request is to blame."""
    log: int
    """LOG_ERROR or LOG_WARNING."""
    error_code: int
    """One of `ringback.model.errors`."""
    message_text: str
    message_date: datetime
    """When it happened."""
    request_url: str
    request_method: str
    request_variables: str
    """The parameters, form-encoded."""
    response_headers: str
    """Form-encoded as well."""
    response_body: str
    """Its beginning."""
    api_version: ApiVersion
    date_created: datetime
    date_updated: datetime | None = None

    @property
    def more_info(self) -> str:
        """The page about the code."""
        return MORE_INFO.format(code=self.error_code)

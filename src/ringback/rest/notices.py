"""What an account is told about its requests."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from ringback.model.status import ApiVersion


@dataclass(frozen=True, slots=True)
class Notice:
    """Something about a request that its account should know, for its notifications: an error or a warning."""

    account_sid: str
    code: int
    message: str
    api_version: ApiVersion
    date: datetime
    request_url: str
    request_method: str
    request_variables: Mapping[str, str]
    response_body: str = ""

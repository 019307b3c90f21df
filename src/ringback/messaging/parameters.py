"""What a request to an application says about a message that came.

2008-08-01 clause 1.3, 2010-04-01 clause 5.5.
"""

from collections.abc import Sequence

from ringback.model.messages import MediaRecord, MessageRecord
from ringback.model.numbers import geography, presented
from ringback.model.status import ApiVersion


def message_parameters(
    message: MessageRecord, media: Sequence[MediaRecord] = (), *, media_base: str = "", opt_out: str = ""
) -> dict[str, str]:
    """Return the parameters, in the words of the message's version.

    `media_base` is the URL that this server is reached at, without a slash at its end; `opt_out` is STOP, START,
    HELP or empty.
    """
    version = message.api_version
    parameters = {
        "SmsSid": message.sid,
        "SmsMessageSid": message.sid,
        "AccountSid": message.account_sid,
        "From": presented(message.from_, version),
        "To": presented(message.to, version),
        "Body": message.body,
        "SmsStatus": "received",
        "ApiVersion": version.value,
    }
    for end, number in (("From", message.from_), ("To", message.to)):
        place = geography(number)
        parameters |= {
            f"{end}City": place.city,
            f"{end}State": place.state,
            f"{end}Zip": place.zip,
            f"{end}Country": place.country,
        }
    if version is ApiVersion.V2008:
        return parameters
    parameters |= {
        "MessageSid": message.sid,
        "NumMedia": str(len(media)),
        "NumSegments": str(message.num_segments),
    }
    if message.messaging_service_sid:
        parameters["MessagingServiceSid"] = message.messaging_service_sid
    for index, item in enumerate(media):
        path = f"/2010-04-01/Accounts/{item.account_sid}/Messages/{message.sid}/Media/{item.sid}"
        parameters[f"MediaUrl{index}"] = media_base + path
        parameters[f"MediaContentType{index}"] = item.content_type
    if opt_out:
        parameters["OptOutType"] = opt_out
    return parameters

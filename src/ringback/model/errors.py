"""Error and warning codes: what went wrong with an application, in numbers that its author can look up.

The numbers, and whether each one ends what was being done (an error) or is only written down (a warning), are those
of the 2008-08-01 and 2010-04-01 APIs, for voice and for the REST requests about calls. The titles are Ringback's own.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Level = Literal["error", "warning"]


class ApplicationError(Exception):
    """An application, or what it points to, cannot be used: its document, its audio, or a text to be spoken.

    Webhooks, media and speech raise it; whoever runs the document decides what follows from it.
    """

    def __init__(self, code: int, message: str, url: str | None = None) -> None:
        """Take one of the codes below, a sentence for the author of the application, and the URL that is to blame."""
        super().__init__(code, message, url)
        self.code = code
        self.message = message
        self.url = url

    def __str__(self) -> str:
        where = f" ({self.url})" if self.url else ""
        return f"{self.code}: {self.message}{where}"


@dataclass(frozen=True, slots=True)
class ErrorInfo:
    """What a code stands for."""

    code: int
    level: Level
    title: str


def describe(code: int) -> ErrorInfo:
    """Tell what a code stands for; a code that is not in the tables below is an error without a name of its own."""
    if code in ERRORS:
        return ErrorInfo(code, "error", ERRORS[code])
    if code in WARNINGS:
        return ErrorInfo(code, "warning", WARNINGS[code])
    return ErrorInfo(code, "error", "Unnamed error")


ERRORS: Mapping[int, str] = {
    # The account
    10001: "The account is not active",
    10002: "A trial account may not use this feature",
    10003: "An incoming call was refused because the account is not active",
    # Fetching a document or audio
    11100: "The URL is malformed",
    11200: "The URL could not be retrieved",
    11205: "No connection to the server of the URL",
    11206: "The server of the URL broke the HTTP protocol",
    11210: "The host name of the URL cannot be resolved",
    11215: "The URL redirects too many times",
    11220: "The TLS handshake with the server failed",
    11235: "The server's certificate is for another domain",
    11236: "The server's certificate has expired",
    11237: "The server's certificate does not lead to a trusted root",
    11750: "The document is larger than 64 kB",
    11751: "The media is larger than can be delivered",
    # The document
    12100: "The document is not well-formed XML",
    12101: "The document asks for a version of TwiML that does not exist",
    12102: "The root of the document is not Response",
    12300: "The content type is none that can be rendered",
    12400: "Ringback itself failed",
    # Dial
    13201: "Dial inside the document of a dialed call",
    13231: "Conference: endConferenceOnExit is not true or false",
    13238: "A verb that may not be used while a caller waits or is on hold",
    13239: "Conference: trim has an unknown value",
    13240: "Conference: the call to be coached is not a call sid",
    13247: "Dial: the number of the calling party is not valid",
    13299: "A conference feature of a later API version",
    # Gather, Play, Record, and the version gate
    13325: "Gather: a nested Play fetched something that is not audio",
    13420: "Play: what was fetched is not audio of a known type",
    13621: "Record: recordingStatusCallbackEvent has an unknown value",
    13750: "The verb does not exist in this API version",
    # Messages, queues and conferences
    14107: "Too many messages between the two parties in a short time",
    15002: "The call waited in the queue for too long",
    16001: "Conference: the caller could not be joined",
    16002: "Conference: an attribute of the participant is not valid",
    16003: "Conference: no conference has this sid",
    16011: "Conference: the reply to its callback cannot be used",
    16020: "Conference: it is full",
    16021: "Conference: too many conferences at once",
    16022: "Conference: it has ended",
    16023: "Conference: the label of the participant is taken",
    16024: "Conference: the label of the participant is not valid",
    16027: "Conference: the call to be coached is on hold",
    16028: "Conference: the call to be coached is not in this conference",
    # REST: any resource
    20002: "FriendlyName is not valid",
    20003: "The credentials are missing or wrong",
    20004: "The method is not allowed here",
    20005: "The account is not active",
    20006: "Access denied",
    20007: "The page size is too large",
    20008: "Test credentials may not be used here",
    20009: "The resource cannot be deleted before it is complete",
    20403: "Forbidden",
    20404: "The resource was not found",
    20409: "The request conflicts with the state of the resource",
    20422: "A parameter is not valid",
    20423: "A sid is not valid",
    20429: "Too many requests",
    20500: "The server failed",
    20503: "The service is not available now",
    # REST: calls
    21100: "The account's request cannot be carried out",
    21200: "The call's request cannot be carried out",
    21201: "The number to be called is missing",
    21202: "The number to be called is a premium number",
    21203: "International calls are not permitted",
    21204: "The call has been initiated already",
    21205: "Url is not valid",
    21206: "SendDigits is not valid",
    21207: "IfMachine is not valid",
    21208: "Timeout is not valid",
    21209: "Method is not valid",
    21210: "The calling number is not verified",
    21211: "The number to be called is not valid",
    21212: "The calling number is not valid",
    21213: "The calling number is missing",
    21214: "The number to be called cannot be reached",
    21215: "The account may not call this place",
    21216: "The account may not call this number",
    21217: "The number to be called does not look valid",
    21218: "ApplicationSid is not valid",
    21219: "A trial account may call verified numbers only",
    21220: "The state of the call does not allow this",
    21231: "The list is mapped to this domain already",
    21232: "The domain name is not valid, or is taken",
    21234: "A value for the detection of answering machines is not valid",
    21236: "The user name is in this list already",
    21241: "The address is not valid",
    21243: "The password has fewer than 12 characters, or no digit, capital or small letter",
    # REST: numbers and caller ids
    21401: "The phone number is not valid",
    21402: "The URL of the number is not valid",
    21403: "The method of the number is not valid",
    21404: "A trial account may not have another number",
    21405: "A voice fallback URL without a voice URL",
    21406: "An SMS fallback URL without an SMS URL",
    21407: "This kind of number cannot take messages",
    21409: "VoiceCallerIdLookup is not valid",
    21420: "The application cannot be reached",
    21421: "The phone number is not valid",
    21422: "The phone number is not available",
    21450: "The phone number is verified already",
    21451: "The area code is not valid",
    21452: "No number is to be had in this area code",
    21453: "Another account has verified this phone number",
    21454: "CallDelay is not valid",
    # REST: messages
    21501: "The resource is missing",
    21601: "The sending number cannot send messages",
    21602: "The body of the message is missing",
    21603: "The sender of the message is missing",
    21604: "The recipient of the message is missing",
    21605: "The body of the message is too long",
    21606: "The account may not send from this number",
    21607: "A trial account must send from the sandbox number",
    21608: "A trial account may send to verified numbers only",
    21609: "StatusCallback is not valid",
    21612: "The recipient cannot be reached",
    21614: "The recipient is not a mobile number",
    21408: "The account may not send messages to this place",
    21610: "The recipient wants no messages from this number",
    21611: "Too many messages wait to be sent from this number",
    21617: "The body of the message is longer than 1600 characters",
    21619: "The message has no content",
    21620: "A URL of the media is not valid",
    21623: "A message may have ten media files at most",
    21624: "The validity period is not valid",
    # What keeps a message from being delivered; it is told in the message itself
    30001: "The message waited too long to be sent",
    30002: "The account is suspended",
    30003: "The handset cannot be reached",
    30004: "The message was blocked",
    30005: "The handset is unknown",
    30006: "No carrier reaches this number",
    30007: "The carrier filtered the message",
    30008: "The carrier could not deliver the message and does not say why",
    30009: "A segment of the message never came",
    30010: "The message costs more than it may",
    # Media streams
    31900: "Stream: it failed for an unknown reason",
    31901: "Stream: the server did not answer in time",
    31902: "Stream: the server refused the connection",
    31903: "Stream: the connection broke",
    31904: "Stream: the server cannot be reached",
    31910: "Stream: the TLS handshake failed",
    31920: "Stream: the WebSocket handshake failed",
    31921: "Stream: the connection was closed with an error",
    31922: "Stream: the scheme of the URL must be wss",
    31923: "Stream: the URL is not valid",
    31924: "Stream: the server broke the WebSocket protocol",
    31960: "Stream: too many at once",
    # SIP
    32018: "Twiml is longer than 4000 characters",
    32201: "The caller's address is not on the list of the SIP domain",
    32202: "The caller's SIP credentials are wrong",
    32650: "The transcription failed",
    # Conversation relay
    64101: "ConversationRelay: the settings are not valid",
    64102: "ConversationRelay: no connection to the server",
    64105: "ConversationRelay: too many malformed messages",
}
"""Codes that end what was being done."""

WARNINGS: Mapping[int, str] = {
    12200: "Something in the document was ignored",
    # Dial and its nouns
    13000: "Dial: Conference together with Number",
    13210: "Dial: method is not GET or POST",
    13211: "Dial: ifMachine has an unknown value",
    13212: "Dial: timeout is not a whole number of seconds",
    13213: "Dial: hangupOnStar is not true or false",
    13214: "Dial: the account may not show this callerId",
    13215: "Dial: an element that may not stand inside it",
    13216: "Dial: timeLimit is not a whole number of seconds",
    13217: "Dial: record has an unknown value",
    13218: "Dial: sequential is not true or false",
    13219: "Dial: answerOnBridge is not true or false",
    13220: "Dial: ringTone has an unknown value",
    13221: "Number: the url or method is not valid",
    13222: "Number: sendDigits is not valid",
    13223: "Dial: the phone number has a wrong form",
    13224: "Dial: the phone number does not exist or cannot be called",
    13225: "Dial: the phone number is blocked",
    13226: "Dial: the country code is not valid",
    13227: "Dial: the account may not call this place",
    13230: "Conference: muted is not true or false",
    13232: "Conference: startConferenceOnEnter is not true or false",
    13233: "Conference: waitUrl is not valid",
    13234: "Conference: waitMethod is not GET or POST",
    13235: "Conference: beep has an unknown value",
    13236: "Conference: the sid is not valid",
    13237: "Conference: the name is not valid",
    13241: "Sip: method is not GET or POST",
    13242: "Sip: sendDigits is not valid",
    13243: "Sip: the URI is not valid",
    13244: "Sip: the user name or password is missing",
    13245: "Sip: not in this API version",
    13246: "Sip: not enabled for the account",
    13248: "Dial: callerId is too long",
    13249: "Sip: the user name or password is too long",
    13250: "Dial: too many SIP URIs",
    # Gather
    13310: "Gather: finishOnKey has a character that is no key",
    13311: "Gather: finishOnKey has more than one key",
    13312: "Gather: method is not GET or POST",
    13313: "Gather: timeout is not a whole number of seconds",
    13314: "Gather: numDigits is not a whole number above zero",
    13320: "Gather: an element that may not stand inside it",
    13321: "Gather: the voice of a nested Say is unknown",
    13322: "Gather: the loop of a nested Say is not a whole number",
    13326: "Gather: input cannot be used as it stands",
    13327: "Gather: speechTimeout is not a whole number of seconds or auto",
    13328: "Gather: maxSpeechTime is not a number of seconds from 1 to 60",
    13329: "Gather: partialResultCallbackMethod is not GET or POST",
    13330: "Gather: hints are too many or too long",
    13331: "Gather: the language is unknown",
    13332: "Gather: bargeIn is not true or false",
    13333: "Gather: profanityFilter is not true or false",
    13334: "Gather: speechModel has an unknown value",
    13335: "Gather: speechTimeout auto does not go with the default speechModel",
    # Play, Say, Record, Redirect, Pause
    13410: "Play: loop is not a whole number",
    13510: "Say: loop is not a whole number",
    13511: "Say: the voice is unknown",
    13512: "Say: the language is unknown",
    13513: "Say: the rate is not valid",
    13520: "Say: the text is missing or cannot be spoken",
    13521: "Say: the text is too long",
    13610: "Record: method is not GET or POST",
    13611: "Record: timeout is not a whole number of seconds",
    13612: "Record: maxLength is not a whole number of seconds",
    13613: "Record: finishOnKey has a character that is no key",
    13614: "Record: transcribe is not true or false",
    13615: "Record: maxLength is too long to transcribe",
    13616: "Record: playBeep is not true or false",
    13617: "Record: the length of the recording is out of range",
    13618: "Record: the recording is not available",
    13710: "Redirect: method is not GET or POST",
    13910: "Pause: length is not a whole number of seconds above zero",
    # Messages from a document
    14101: "Sms: to is not valid",
    14102: "Sms: from is not valid",
    14103: "Sms: the body is not valid",
    14104: "Sms: method is not GET or POST",
    14105: "Sms: statusCallback is not valid",
    14106: "Too many documents for one message",
    14108: "Sms: from cannot send messages",
    14109: "Too many replies to one message",
    14110: "A verb that does not belong into a reply to a message",
    14111: "Sms: a trial account may send to verified numbers only",
    # Callbacks, recordings, streams, SIP
    15003: "A callback was answered with an error",
    16101: "The recording is too short",
    16102: "The recording is silent",
    20001: "The request has an unknown parameter",
    21262: "Asynchronous machine detection without a URL to tell the result",
    21263: "A value for machine detection is not valid",
    31930: "Stream: the server sends more than can be played",
    31931: "Stream: media was discarded",
    31950: "Stream: a message is malformed",
    31951: "Stream: a message is not valid",
    32011: "The SIP peer could not be talked to",
    32014: "The SIP peer sends no audio",
    32015: "The call has reached its longest duration",
    32019: "Both Url and Twiml were given; Url is used",
    64107: "ConversationRelay: a malformed message",
}
"""Codes that are only written down: the thing is ignored or its default used, and the call goes on."""

"""The language for messages: Message and its old name Sms, Redirect, and what may be sent in place of a document."""

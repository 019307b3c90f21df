"""The TwiML language: documents, the interpreter, one file a verb."""

"""Puts this directory on the path, so that the tests of the providers find `speech_fakes` too."""

"""Its directory is importable for the tests of the verbs below: see twiml_calls."""

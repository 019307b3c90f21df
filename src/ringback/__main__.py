"""`python -m ringback` is the `ringback` command."""

from ringback.app.cli import main

main()

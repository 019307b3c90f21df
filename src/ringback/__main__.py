"""`python -m ringback` is the `ringback` command."""

from ringback.app.cli import main

# Processes that are spawned import this module again under another name; they must not run the command once more.
if __name__ == "__main__":
    main()

"""The composition root: settings, wiring, lifecycle, command line."""

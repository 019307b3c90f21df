"""The media plane: every call of a worker is one row of one array."""

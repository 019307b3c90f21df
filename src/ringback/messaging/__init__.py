"""Messages: their lifecycle, text and routing, and the carriers that take them."""

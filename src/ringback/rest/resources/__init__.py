"""The resources, one module each: how they look, what can be done with them."""

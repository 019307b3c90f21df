"""The switch: legs, the Call port, and the outcome of calls. Knows nothing of TwiML."""

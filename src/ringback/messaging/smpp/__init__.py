"""SMPP 3.4: PDUs, the session core (pure), and the connection that carries it.

Messages are encoded and decoded by smpp34. The session is Ringback's own, because of two things that it has to decide
itself: a message is acknowledged only when it is on disk, and a bind only when its password is right.
"""

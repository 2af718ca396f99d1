"""What can go wrong on this machine? One class, whose message reaches the person through the engine."""


class LocalError(Exception):
    """Something on this machine refused; the message says what, why and the way out."""

"""Who acts: whoever holds an API key, or a person at the terminal of the service's machine."""

from typing import NewType

# As the database keeps it.
Actor = NewType("Actor", str)


def of_key(key_id: str) -> Actor:
    """Whoever holds an API key, by the key's public id."""
    return Actor(f"key:{key_id}")


def of_user(account: str) -> Actor:
    """A person at the terminal, by the name of their account on this machine."""
    return Actor(f"user:{account}")

"""Change one part of a resource and keep the rest."""

from .change import Changed, change

__all__ = ["Changed", "change"]

"""Change one part of a resource and keep the rest."""

from .change import ChangeResult, change

__all__ = ["ChangeResult", "change"]

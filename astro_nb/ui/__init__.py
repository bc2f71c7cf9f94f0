"""Widgets: the explorer and its parts."""

from .explorer import Explorer

__all__ = ["Explorer"]

"""Widgets: the explorer and its parts."""

from .explorer import Explorer
from .trying import problem_of_drawing

__all__ = ["Explorer", "problem_of_drawing"]

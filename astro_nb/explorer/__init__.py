"""The explorer and its widgets."""

from .explorer import Explorer
from .form import problem_of_drawing

__all__ = ["Explorer", "problem_of_drawing"]

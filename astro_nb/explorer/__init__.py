"""The explorer and its widgets."""

from .explorer import Explorer
from .form import dry_render

__all__ = ["Explorer", "dry_render"]

"""Files looked through for secrets."""

from .scanning import scan
from .told import Scan, Skipped

__all__ = ["Scan", "Skipped", "scan"]

"""Many calls for one wish: every page, or until a thing is so."""

from .many import PARALLEL, Many, send_many
from .pages import read_pages
from .told import Progress
from .waits import Patience, wait_for

__all__ = ["PARALLEL", "Many", "Patience", "Progress", "read_pages", "send_many", "wait_for"]

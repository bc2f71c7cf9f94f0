"""A call as the code that makes it: complete, with secrets as look-ups in the environment."""

from .files import by_name
from .kinds import SNIPPETS
from .texts import literal

__all__ = ["SNIPPETS", "by_name", "literal"]

"""The values of one form, without a widget."""

from .problems import Location
from .typed import parse, show
from .values import Form

__all__ = ["Form", "Location", "parse", "show"]

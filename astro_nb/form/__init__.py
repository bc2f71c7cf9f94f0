"""The values of one form, without a widget."""

from .nested import Location
from .typed import parse, show
from .values import Form

__all__ = ["Form", "Location", "parse", "show"]

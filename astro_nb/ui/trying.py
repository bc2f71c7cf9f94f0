"""A form drawn and taken away again, for whoever wants to know whether it can be."""

from __future__ import annotations

from ..form import Form
from .form import FormView
from .parts import close_all
from .status import Status


def problem_of_drawing(form: Form) -> str:
    """What goes wrong when a form is drawn as the explorer would draw it, in words; empty when nothing does."""
    status = Status()
    view = FormView(form, status, lambda field: [], lambda text, field: "", lambda: None)
    close_all(view.widget)
    return str(status.last_error or "")

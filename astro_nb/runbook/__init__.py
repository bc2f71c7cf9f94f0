"""A recording is a notebook, and nothing but a notebook."""

from .notebooks import code_of
from .recording import Runbook
from .running import CellRow, FailedCell, RunResult, run
from .steps import Step

__all__ = ["CellRow", "FailedCell", "RunResult", "Runbook", "Step", "code_of", "run"]

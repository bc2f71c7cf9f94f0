"""Record a session, write it as a notebook, run it, report the result."""

from .notebooks import code_of
from .recording import Runbook
from .run import CellRow, FailedCell, RunResult, run
from .steps import Step

__all__ = ["CellRow", "FailedCell", "RunResult", "Runbook", "Step", "code_of", "run"]

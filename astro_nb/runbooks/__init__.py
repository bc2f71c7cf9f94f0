"""Record a session, write it as a notebook, run it, report the result."""

from .notebooks import read_code_cells
from .recording import Runbook
from .records import RunInterrupted
from .run import CellRow, FailedCell, RunResult, run
from .steps import Step

__all__ = ["CellRow", "FailedCell", "RunInterrupted", "RunResult", "Runbook", "Step", "read_code_cells", "run"]

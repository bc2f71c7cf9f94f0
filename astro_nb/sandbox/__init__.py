"""A server for the document that never leaves this machine."""

from .box import Sandbox, Seen
from .faults import KINDS as FAULT_KINDS
from .faults import Fault, Faults
from .remote import SandboxClient

__all__ = ["FAULT_KINDS", "Fault", "Faults", "Sandbox", "SandboxClient", "Seen"]

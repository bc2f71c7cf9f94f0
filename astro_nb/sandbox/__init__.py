"""A server double for a document, in process or on loopback."""

from .faults import KINDS, Fault, Faults
from .remote import SandboxClient
from .sandbox import Sandbox, Seen

__all__ = ["KINDS", "Fault", "Faults", "Sandbox", "SandboxClient", "Seen"]

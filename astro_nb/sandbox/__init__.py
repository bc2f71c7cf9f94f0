"""A server double for a document, in process or on loopback."""

from .behavior import Action, Behavior, Resource
from .client import SandboxClient
from .faults import FAULT_KINDS, Fault, Faults
from .sandbox import LoggedRequest, Sandbox

__all__ = [
    "FAULT_KINDS",
    "Action",
    "Behavior",
    "Fault",
    "Faults",
    "LoggedRequest",
    "Resource",
    "Sandbox",
    "SandboxClient",
]

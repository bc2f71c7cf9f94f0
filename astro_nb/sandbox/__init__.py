"""A server double for a document, in process or on loopback."""

from .behavior import Action, Behavior, Resource
from .controls import SandboxClient
from .faults import FAULT_KINDS
from .sandbox import Sandbox

__all__ = ["FAULT_KINDS", "Action", "Behavior", "Resource", "Sandbox", "SandboxClient"]

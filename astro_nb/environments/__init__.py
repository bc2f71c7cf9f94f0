"""Environments and variables: where requests go, with which credentials, and with which values."""

from .collection import Comparison, Environments
from .environment import Environment, Grant, TokenFacts, built_in_environments, environment_secrets, read_token
from .files import FOLDER, environment_names, load_environment, load_shared, save_environment, save_shared
from .resolution import DynamicValues, Mode, Resolver, split_at_secrets
from .variables import Provenance, Variable, VariableRow, Variables

__all__ = [
    "FOLDER",
    "Comparison",
    "DynamicValues",
    "Environment",
    "Environments",
    "Grant",
    "Mode",
    "Provenance",
    "Resolver",
    "TokenFacts",
    "Variable",
    "VariableRow",
    "Variables",
    "built_in_environments",
    "environment_names",
    "environment_secrets",
    "load_environment",
    "load_shared",
    "read_token",
    "save_environment",
    "save_shared",
    "split_at_secrets",
]

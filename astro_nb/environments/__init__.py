"""Settings, variables and templates: where requests go, as whom, and with which values."""

from .collection import Comparison, Environments
from .environment import Environment, Grant, built_in, references_of
from .files import FOLDER, load_environment, load_shared, names, save_environment, save_shared
from .resolution import Drawn, Mode, Values, split_named
from .tokens import TokenFacts, read_token
from .variables import Standing, Variable, Variables

__all__ = [
    "FOLDER",
    "Comparison",
    "Drawn",
    "Environment",
    "Environments",
    "Grant",
    "Mode",
    "Standing",
    "TokenFacts",
    "Values",
    "Variable",
    "Variables",
    "built_in",
    "load_environment",
    "load_shared",
    "names",
    "read_token",
    "references_of",
    "save_environment",
    "save_shared",
    "split_named",
]

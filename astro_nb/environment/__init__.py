"""Environments, variables, secrets, and the one function that resolves them."""

from .credentials import Grant
from .references import references_of
from .saved import FOLDER, load_environment, names, save_environment
from .scrubbing import occurrences, scrub
from .secret import MASK, Secret
from .settings import Environment, built_in
from .token import TokenFacts, read_token
from .values import Drawn, Mode, Values, split_named
from .variables import Literal, Variable, Variables, names_in, resolve, verbatim

__all__ = [
    "FOLDER",
    "MASK",
    "Drawn",
    "Environment",
    "Grant",
    "Literal",
    "Mode",
    "Secret",
    "TokenFacts",
    "Values",
    "Variable",
    "Variables",
    "built_in",
    "load_environment",
    "names",
    "names_in",
    "occurrences",
    "read_token",
    "references_of",
    "resolve",
    "save_environment",
    "scrub",
    "split_named",
    "verbatim",
]

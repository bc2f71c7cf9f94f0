"""Environments, variables, secrets, and the one function that resolves them."""

from .secret import MASK, Secret, scrub
from .settings import Environment, built_in, load_environment, names, save_environment
from .token import TokenFacts, read_token
from .values import Values, split_named
from .variables import Variable, Variables, names_in, resolve

__all__ = [
    "MASK",
    "Environment",
    "Secret",
    "TokenFacts",
    "Values",
    "Variable",
    "Variables",
    "built_in",
    "load_environment",
    "names",
    "names_in",
    "read_token",
    "resolve",
    "save_environment",
    "scrub",
    "split_named",
]

"""Environments, variables, secrets, and the one function that resolves them."""

from .comparing import Comparison
from .credentials import Grant
from .environments import Environments
from .listing import Standing
from .outside import Reference
from .references import references_of
from .saved import FOLDER, load_environment, names, save_environment
from .scrubbing import occurrences, scrub
from .secret import MASK, Secret
from .settings import Environment, built_in
from .shared import load_shared, save_shared
from .templates import Literal, escape, names_in, refers, resolve, verbatim
from .token import TokenFacts, read_token
from .values import Drawn, Mode, Values, split_named
from .variables import Variable, Variables

__all__ = [
    "FOLDER",
    "MASK",
    "Comparison",
    "Drawn",
    "Environment",
    "Environments",
    "Grant",
    "Literal",
    "Mode",
    "Reference",
    "Secret",
    "Standing",
    "TokenFacts",
    "Values",
    "Variable",
    "Variables",
    "built_in",
    "escape",
    "load_environment",
    "load_shared",
    "names",
    "names_in",
    "occurrences",
    "read_token",
    "references_of",
    "refers",
    "resolve",
    "save_environment",
    "save_shared",
    "scrub",
    "split_named",
    "verbatim",
]

"""A notebook version of Postman: forms, chaining, history and runbooks for any OpenAPI document.

    import astro_nb as anb
    api = anb.connect()        # the embedded sandbox: no token, no internet
    api                        # shows the explorer
"""

from .call import UNSET, Call
from .environment import Environment, Secret
from .errors import AstroNbError
from .exchange import Exchange
from .pace import Retries
from .sandbox import Sandbox
from .workbench import Workbench, connect

__version__ = "0.1.0"

__all__ = [
    "UNSET",
    "AstroNbError",
    "Call",
    "Environment",
    "Exchange",
    "Retries",
    "Sandbox",
    "Secret",
    "Workbench",
    "connect",
]

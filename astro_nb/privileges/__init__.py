"""What a token has to be allowed, against what it is."""

from .calls import calls_in
from .needs import Need, Privileges, needs_of_calls, needs_of_trail
from .panel import TokenPanel, token_panel

__all__ = ["Need", "Privileges", "TokenPanel", "calls_in", "needs_of_calls", "needs_of_trail", "token_panel"]

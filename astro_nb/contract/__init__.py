"""Does a message match the document: quickly on every response, in full on request."""

from .checks import Violation, check_parameter, check_request_body, check_response
from .full import check_request_fully, check_response_fully

__all__ = [
    "Violation",
    "check_parameter",
    "check_request_body",
    "check_request_fully",
    "check_response",
    "check_response_fully",
]

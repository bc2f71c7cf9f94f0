"""Does a message keep to the document: fast on every response, in full on demand."""

from .fast import Violation, check_parameter, check_request_body, check_response
from .full import judge_request, judge_response

__all__ = [
    "Violation",
    "check_parameter",
    "check_request_body",
    "check_response",
    "judge_request",
    "judge_response",
]

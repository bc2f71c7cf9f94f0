"""Does a message match the document: quickly on every response, in full on request."""

from .checks import Violation, check_parameter, check_request_body, check_response
from .full import judge_request, judge_response

__all__ = ["Violation", "check_parameter", "check_request_body", "check_response", "judge_request", "judge_response"]

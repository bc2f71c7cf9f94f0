"""The far end of a signed upload URL: it takes the bytes, forgets them, and answers their version."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

from ..messages import Request, Response, header
from .answers import empty_answer, with_headers
from .requests import Refused

if TYPE_CHECKING:
    from .state import World


def is_upload(world: World, path: str) -> bool:
    """Whether a path belongs to the uploads that the sandbox file states."""
    prefix = world.knowledge.uploads.get("path")
    return bool(prefix) and path.startswith(str(prefix))


def upload_answer(world: World, request: Request) -> Response:
    """201 and the version, when the request is as the file says that it must be: right headers, and no token.

    Raises:
        Refused: a header is missing or out of place, the signature is, or the method is another.
    """
    plan = world.knowledge.uploads
    if request.method != plan["method"]:
        raise Refused(405, f"Method not allowed: an upload is a {plan['method']}", headers={"Allow": plan["method"]})
    for name, value in (plan.get("needs") or {}).items():
        if header(request.headers, name) != value:
            raise Refused(400, f"The header {name} must be {value}", plain=True)
    for name in plan.get("refuses") or ():
        if header(request.headers, name):
            raise Refused(
                int(plan.get("refused", 400)), f"The header {name} does not belong to a signed URL", plain=True
            )
    if "sig" not in dict(parse_qsl(urlsplit(request.url).query)):
        raise Refused(403, "The URL is not signed", plain=True)
    version = world.pace.now().strftime("%Y-%m-%dT%H:%M:%S.%f0Z")
    return with_headers(empty_answer(int(plan.get("status", 201))), {str(plan["version"]): version})

"""The target of a signed upload URL: it takes the bytes, forgets them, and responds with their version."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlsplit

from ...messages import Request, Response, header
from ..behavior import Refused
from ..responses import empty_response, with_headers
from ..state import State

UPLOAD_PATH = "/-/upload/"


def receive_upload(state: State, request: Request) -> Response:
    """Return 201 and the version of an upload.

    Raises:
        Refused: the method, a header or the signature is wrong, or a token was sent.
    """
    if request.method != "PUT":
        raise Refused(405, "Method not allowed: an upload is a PUT", headers={"Allow": "PUT"})
    if header(request.headers, "x-ms-blob-type") != "BlockBlob":
        raise Refused(400, "The header x-ms-blob-type must be BlockBlob", plain=True)
    if header(request.headers, "authorization"):
        raise Refused(400, "The header authorization does not belong to a signed URL", plain=True)
    if "sig" not in dict(parse_qsl(urlsplit(request.url).query)):
        raise Refused(403, "The URL is not signed", plain=True)
    version = state.clock.now().strftime("%Y-%m-%dT%H:%M:%S.%f0Z")
    return with_headers(empty_response(201), {"x-ms-version-id": version})

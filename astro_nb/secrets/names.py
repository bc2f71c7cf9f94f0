"""Which names mean a secret: of fields, parameters and variables; of headers; of parameters in a URL.

Whether a field with such a name is a secret also depends on its type and on the document: see `schema/`.
"""

from __future__ import annotations

import re
from functools import lru_cache

SECRET_HEADERS = frozenset(("set-cookie", "authorization", "proxy-authorization", "cookie", "x-api-key"))
"""Headers whose value is a credential, in lower case."""


def _secret_words(separator: str) -> str:
    """The pattern of the last word of a secret's name; `separator` is a pattern for what may join its parts."""
    return (
        rf"pass(?:word|wd|phrase)|(?:client{separator})?secret|(?:private|api|secret){separator}key"
        rf"|(?:access|refresh){separator}token"
    )


_SECRET_NAME = re.compile(rf"(?i)(?:.*_)?(?:{_secret_words('_?')})\Z")

URL_NAMES = rf"{_secret_words('[-_]?')}|(?:auth|id)_token|sig(?:nature)?|token"
"""The pattern of a URL parameter's name whose value may be a credential.

It is wider than `is_secret_name`: it is used on any text, and the value has to look like a credential too.
"""


@lru_cache(maxsize=4096)
def is_secret_name(name: str) -> bool:
    """Whether a name means that its value is a secret, whatever the document declares."""
    return bool(_SECRET_NAME.fullmatch(name))


def is_secret_header(name: str) -> bool:
    """Whether a header carries a credential; case does not count (RFC 9110, section 5.1)."""
    return name.lower() in SECRET_HEADERS

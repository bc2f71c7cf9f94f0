"""The base URLs that a document names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urljoin

from .faults import entries, mapping


def server_urls(servers: Any, home: str) -> tuple[str, ...]:
    """The URLs of a list of servers, variables filled with their defaults, relative ones resolved.

    Args:
        servers: what stands under `servers`.
        home: the address of the document, against which relative URLs are meant (OpenAPI 3.1.1, section 4.6); empty
            where it has none: then they stay as they are.
    """
    urls = [_url(mapping(server)) for server in entries(servers)]
    return tuple(urljoin(home, url) if home else url for url in urls)


def _url(server: Mapping[str, Any]) -> str:
    url = str(server["url"])
    for name, variable in mapping(server.get("variables")).items():
        url = url.replace(f"{{{name}}}", str(mapping(variable).get("default", "")))
    return url

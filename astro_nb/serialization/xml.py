"""Nested data as XML, by the XML Objects of a schema (OpenAPI 3.1.1, section 4.8.26; 3.2, section 4.26)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from xml.etree import ElementTree

from ..call import UNSET
from ..errors import UsageError
from ..schema import Field
from .bodies import member_of
from .styles import to_text, to_utf8

Element = ElementTree.Element

_NAME = re.compile(r"[^\W\d][\w.\-]*(?::[^\W\d][\w.\-]*)?")
_UNFIT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_NIL = {"xmlns:xsi": "http://www.w3.org/2001/XMLSchema-instance", "xsi:nil": "true"}
_HEAD = b'<?xml version="1.0" encoding="UTF-8"?>\n'
_BUILT_IN_PREFIX = "xml"  # needs no declaration


def xml_of(value: Any, field: Field | None, name: str, place: str) -> bytes:
    """Return a value as an XML document.

    Args:
        value: nested data.
        field: the schema; None if there is none.
        name: the root's name if the schema has none.
        place: where the value is, for messages.

    Raises:
        UsageError: the root has no name, or XML cannot represent the value.
    """
    hints = _hints(field)
    if not name and "name" not in hints and isinstance(value, Mapping) and len(value) == 1:
        ((name, value),) = value.items()
        field = member_of(field, name, {name: value})
        hints = _hints(field)
    tag = str(hints.get("name") or name)
    if not tag:
        raise UsageError(f"{place} has no name for its root element.", "Give the XML as a text.")
    root = _element(tag, hints, place)
    _fill(root, value, field, tag, place)
    return _HEAD + to_utf8(ElementTree.tostring(root, encoding="unicode"), place)


def _fill(element: Element, value: Any, field: Field | None, name: str, place: str) -> None:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if inner is not UNSET:
                _add(element, str(key), inner, member_of(field, str(key), value), f"{place}.{key}")
    elif isinstance(value, list):
        item = field.item if field else None
        for index, entry in enumerate(value):
            inside = str(_hints(item).get("name") or name)
            _child(element, inside, entry, item, f"{place}.{index}")
    elif value is None:
        element.attrib.update(_NIL)
    else:
        element.text = (element.text or "") + _text(value, place)


def _add(parent: Element, name: str, value: Any, field: Field | None, place: str) -> None:
    """Add one property as the type of node that its XML Object names."""
    hints = _hints(field)
    node, tag = _node(hints, value), str(hints.get("name") or name)
    if node == "attribute":
        if value is not None:
            _declare(parent, hints)
            parent.set(_qualified_name(tag, hints, place), _text(value, place))
    elif node in ("text", "cdata"):
        parent.text = (parent.text or "") + _text(value, place)
    elif node == "none":
        _fill(parent, value, field, tag, place)
    else:
        _child(parent, tag, value, field, place)


def _child(parent: Element, tag: str, value: Any, field: Field | None, place: str) -> None:
    child = _element(tag, _hints(field), place)
    parent.append(child)
    _fill(child, value, field, tag, place)


def _node(hints: Mapping[str, Any], value: Any) -> str:
    """Return the type of node for a property; "none" for a list that is not wrapped: only its items are written."""
    if hints.get("nodeType"):
        return str(hints["nodeType"])
    if hints.get("attribute"):
        return "attribute"
    return "none" if isinstance(value, list) and not hints.get("wrapped") else "element"


def _element(tag: str, hints: Mapping[str, Any], place: str) -> Element:
    element = Element(_qualified_name(tag, hints, place))
    _declare(element, hints)
    return element


def _qualified_name(tag: str, hints: Mapping[str, Any], place: str) -> str:
    found = f"{hints['prefix']}:{tag}" if hints.get("prefix") else tag
    if not _NAME.fullmatch(found):
        raise UsageError(f"{place} cannot be named {found!r} in XML.", "Give the XML as a text.")
    return found


def _declare(element: Element, hints: Mapping[str, Any]) -> None:
    if hints.get("namespace") and hints.get("prefix") != _BUILT_IN_PREFIX:
        element.set(f"xmlns:{hints['prefix']}" if hints.get("prefix") else "xmlns", str(hints["namespace"]))


def _hints(field: Field | None) -> Mapping[str, Any]:
    found = field.schema.get("xml") if field else None
    return found if isinstance(found, Mapping) else {}


def _text(value: Any, place: str) -> str:
    text = to_text(value, place)
    if _UNFIT.search(text):
        raise UsageError(f"{place} contains a character that XML does not allow.", "Take it out of the value.")
    return text

"""A form of every construct in a real browser: by keyboard alone, with files, and accessible."""

from __future__ import annotations

import json
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, expect
from support.lab import Lab

QUEUE = {"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}}}
RESOURCE = {
    "type": "object",
    "required": ["tags", "queues", "target"],
    "properties": {
        "tags": {"type": "object", "additionalProperties": {"type": "string"}},
        "queues": {"type": "array", "items": QUEUE},
        "target": {"anyOf": [{"type": "integer"}, {"type": "array", "items": {"enum": ["a", "b"]}}, {"type": "null"}]},
        "point": {"type": "array", "prefixItems": [{"type": "number"}, {"type": "number"}], "items": False},
        "note": {"type": ["string", "null"]},
    },
}
FILES = {
    "type": "object",
    "required": ["file"],
    "properties": {"file": {"type": "string", "format": "binary"}},
}
BODIES = {"application/json": {"schema": RESOURCE}, "multipart/form-data": {"schema": FILES}}
POST = {"operationId": "CreateResource", "requestBody": {"required": True, "content": BODIES}, "responses": {}}
DOCUMENT = {"openapi": "3.1.0", "info": {"title": "Resources", "version": "1"}, "paths": {"/resources": {"post": POST}}}
CELLS = (
    "import astro_nb as anb\napi = anb.connect(spec='resources.json', base_url='http://127.0.0.1:9', history=None)",
    "explorer = api.explore('CreateResource')\nexplorer",
)


def expect_body(explorer: Locator, body: Any) -> None:
    """Expect this body in the JSON view."""
    expect(explorer.get_by_role("textbox", name="Body as JSON")).to_have_value(json.dumps(body, indent=2))


def test_a_form_of_every_construct_by_keyboard(lab: Lab) -> None:
    """Names, rows, unions and files without a mouse: the focus follows the work, and all is accessible."""
    (lab.root / "resources.json").write_text(json.dumps(DOCUMENT))
    lab.viewport(1280, 2000)
    lab.open(lab.notebook("resources", *CELLS))
    explorer, press, write = lab.page.locator(".anb").first, lab.page.keyboard.press, lab.page.keyboard.type
    explorer.get_by_role("button", name="Body as JSON").press("Enter")

    explorer.get_by_role("button", name="+ Add to tags").press("Enter")
    expect(explorer.get_by_placeholder("name", exact=True)).to_be_focused()
    write("region")
    press("Tab")
    write("emea")
    press("Tab")
    expect(explorer.locator(".anb-form").get_by_label("Value")).to_have_value("emea")

    for number, name in enumerate(("first", "second"), 1):
        explorer.get_by_role("button", name="+ Add to queues").press("Enter")
        expect(explorer.locator(".anb-entry")).to_have_count(number)
        last = explorer.locator(".anb-entry").last.get_by_label("name")
        last.fill(name)
        last.press("Tab")
        expect(explorer.get_by_role("button", name=f"queues {number}: {name}")).to_be_visible()
    explorer.get_by_title("Move down queues 1").press("Enter")
    expect(explorer.get_by_title("Move up queues 2")).to_be_focused()
    expect(explorer.get_by_role("button", name="queues 2: first")).to_be_visible()
    explorer.get_by_title("Remove queues 2").press("Enter")
    expect(explorer.get_by_title("Remove queues 1")).to_be_focused()

    explorer.get_by_label("target").first.select_option("list of a, b")
    explorer.get_by_label("Select an item to add to target").select_option("b")
    expect(explorer.get_by_role("textbox", name="target")).to_have_value("b")
    expect_body(explorer, {"tags": {"region": "emea"}, "queues": [{"name": "second"}], "target": ["b"]})

    explorer.locator(".anb-opener", has_text="More: 2 optional fields").press("Enter")
    explorer.get_by_label("note").fill("null")
    explorer.get_by_label("note").press("Tab")
    expect(explorer.locator(".anb-state")).to_have_text("null")
    for width, theme in ((1280, "light"), (800, "light"), (800, "dark"), (1280, "dark")):
        lab.viewport(width, 2000)
        lab.theme(theme)
        lab.screenshot(f"form-{theme}-{width}", explorer)
        found = Axe().run(lab.page, context=".anb")
        assert found.violations_count == 0, found.generate_report()
    lab.theme("light")

    explorer.get_by_label("Body as", exact=True).select_option("multipart/form-data")
    with lab.page.expect_file_chooser() as chooser:
        explorer.get_by_title("Choose a file for file").press("Enter")
    chooser.value.set_files({"name": "a.txt", "mimeType": "text/plain", "buffer": b"hello"})
    expect(explorer.get_by_role("button", name="Remove a.txt")).to_be_visible()
    expect_body(explorer, {"file": "<a.txt, 5 bytes>"})
    assert lab.console_errors() == []

"""The explorer by keyboard alone, and checks of its look: focus, clipped and overlapping parts, accessibility."""

from __future__ import annotations

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator

from support.lab import Lab

MOST_TABS = 150
_FOCUSED = """() => {
    const part = document.activeElement;
    if (part === document.body) return 'the page';
    const label = part.labels && part.labels[0], named = label ? label.querySelector('b') || label : null;
    return (named || part).textContent.trim().slice(0, 60) || part.title;
}"""
_IS_LIST = "document.activeElement.tagName === 'SELECT'"
_MISPLACED = """root => {
    const whole = root.getBoundingClientRect(), found = [];
    const visible = part => part.checkVisibility({visibilityProperty: true}) && !part.closest('.anb-scroll, .anb-list');
    const parts = [...root.querySelectorAll('input, select, textarea, button, label, summary, .anb-below-note')]
        .filter(visible).map(part => [part, part.getBoundingClientRect()]).filter(([, box]) => box.width > 1);
    const describe = part => `${part.tagName} ${(part.textContent || part.title).trim().slice(0, 50)}`;
    parts.forEach(([part, box], index) => {
        if (box.left < whole.left || box.right > whole.right) found.push(`${describe(part)} is outside the explorer`);
        const text = part.matches('button, label');
        if (text && part.scrollWidth > part.clientWidth + 1) found.push(`${describe(part)} is cut off`);
        for (const [other, at] of parts.slice(index + 1)) {
            const width = Math.min(box.right, at.right) - Math.max(box.left, at.left);
            const height = Math.min(box.bottom, at.bottom) - Math.max(box.top, at.top);
            const overlaps = width > 1 && height > 1 && !part.contains(other);
            if (overlaps) found.push(`${describe(part)} covers ${describe(other)}`);
        }
    });
    return found;
}"""


class TypingDriver:
    """Works a form by keyboard, without waiting between keys."""

    def __init__(self, lab: Lab) -> None:
        self._lab, self.page = lab, lab.page
        self.press, self.write = lab.page.keyboard.press, lab.page.keyboard.type

    def focused(self) -> str:
        """Return the label of the focused part."""
        label: str = self.page.evaluate(_FOCUSED)
        return label

    def tab_to(self, name: str, back: bool = False) -> None:
        """Tab on (or back) to the next part whose label starts with this name."""
        labels = []
        for _ in range(MOST_TABS):
            self.press("Shift+Tab" if back else "Tab")
            labels.append(self.focused())
            if labels[-1].startswith(name):
                return
        raise AssertionError(f"No {name} among {labels}")

    def choose(self, letter: str) -> None:
        """Choose from the focused list. It is opened first: a closed list lets its keys through to the notebook."""
        self.press("Space")
        self.write(letter)
        self.press("Enter")
        self._lab.ask("0")  # wait for the kernel: another form may follow

    def fill(self, **values: str) -> None:
        """Tab to each of these fields in turn and type; in a list, choose by a letter."""
        for name, text in values.items():
            self.tab_to(name)
            (self.choose if self.page.evaluate(_IS_LIST) else self.write)(text)

    def wait_for_focus(self, name: str) -> None:
        """Wait until the part with this label has the focus."""
        self.page.wait_for_function(f"name => ({_FOCUSED})() === name", arg=name)


def assert_looks_right(lab: Lab, explorer: Locator, name: str) -> None:
    """Assert that nothing is cut off or overlaps at 800 and at 1280 pixels, and that all is accessible."""
    for width in (800, 1280):
        lab.viewport(width, 2400)
        lab.screenshot(f"{name}-light-{width}", explorer)
        wrong = explorer.evaluate(_MISPLACED)
        assert not wrong, "\n".join(wrong)
    found = Axe().run(lab.page, context=".anb")
    assert found.violations_count == 0, found.generate_report()
    assert lab.console_errors() == []

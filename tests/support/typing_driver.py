"""Forms of the explorer worked by keyboard alone, and looked at: who has the focus, and what is cut off or overlaps."""

from __future__ import annotations

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator

from support.lab import Lab

MOST_STEPS = 150
_FOCUSED = """() => {
    const part = document.activeElement;
    if (part === document.body) return 'the page';
    const label = part.labels && part.labels[0], named = label ? label.querySelector('b') || label : null;
    return (named || part).textContent.trim().slice(0, 60) || part.title;
}"""
_IS_LIST = "document.activeElement.tagName === 'SELECT'"
_MISPLACED = """root => {
    const whole = root.getBoundingClientRect(), found = [];
    const seen = part => part.checkVisibility({visibilityProperty: true}) && !part.closest('.anb-scroll, .anb-list');
    const parts = [...root.querySelectorAll('input, select, textarea, button, label, summary, .anb-below-note')]
        .filter(seen).map(part => [part, part.getBoundingClientRect()]).filter(([, box]) => box.width > 1);
    const told = part => `${part.tagName} ${(part.textContent || part.title).trim().slice(0, 50)}`;
    parts.forEach(([part, box], index) => {
        if (box.left < whole.left || box.right > whole.right) found.push(`${told(part)} leaves the explorer`);
        const words = part.matches('button, label');
        if (words && part.scrollWidth > part.clientWidth + 1) found.push(`${told(part)} is cut off`);
        for (const [other, at] of parts.slice(index + 1)) {
            const width = Math.min(box.right, at.right) - Math.max(box.left, at.left);
            const height = Math.min(box.bottom, at.bottom) - Math.max(box.top, at.top);
            if (width > 1 && height > 1 && !part.contains(other)) found.push(`${told(part)} lies over ${told(other)}`);
        }
    });
    return found;
}"""


class Typist:
    """Someone without a mouse, who types fast."""

    def __init__(self, lab: Lab) -> None:
        self._lab, self.page = lab, lab.page
        self.press, self.write = lab.page.keyboard.press, lab.page.keyboard.type

    def focused(self) -> str:
        """What the focused part is called."""
        found: str = self.page.evaluate(_FOCUSED)
        return found

    def to(self, name: str, back: bool = False) -> None:
        """Tab on (or back) to the next part whose name begins so."""
        passed = []
        for _ in range(MOST_STEPS):
            self.press("Shift+Tab" if back else "Tab")
            passed.append(self.focused())
            if passed[-1].startswith(name):
                return
        raise AssertionError(f"No {name} among {passed}")

    def choose(self, letter: str) -> None:
        """Choose from the focused list. It is opened first: the keys of a closed one are commands to the notebook."""
        self.press("Space")
        self.write(letter)
        self.press("Enter")
        self._lab.ask("0")  # the kernel has taken it: another form may stand below

    def fill(self, **values: str) -> None:
        """Tab to each of these fields in turn, and type; a letter chooses from a list."""
        for name, text in values.items():
            self.to(name)
            (self.choose if self.page.evaluate(_IS_LIST) else self.write)(text)

    def waits_for(self, name: str) -> None:
        """Wait until the focus is at a part that is called so."""
        self.page.wait_for_function(f"name => ({_FOCUSED})() === name", arg=name)


def assert_looks_right(lab: Lab, explorer: Locator, name: str) -> None:
    """Accessible, and at 800 pixels and at 1280 nothing is cut off or lies over another part."""
    for width in (800, 1280):
        lab.viewport(width, 2400)
        lab.screenshot(f"{name}-light-{width}", explorer)
        wrong = explorer.evaluate(_MISPLACED)
        assert not wrong, "\n".join(wrong)
    found = Axe().run(lab.page, context=".anb")
    assert found.violations_count == 0, found.generate_report()
    assert lab.console_errors() == []

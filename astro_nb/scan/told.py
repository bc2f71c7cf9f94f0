"""What came of a scan."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from .. import html
from ..leaks import Finding, findings_frame

if TYPE_CHECKING:
    from ..frames import DataFrame


@dataclass(frozen=True)
class Skipped:
    """A file that was not looked through, or not wholly, and why."""

    file: str
    why: str


@dataclass(frozen=True, repr=False)
class Scan:
    """What came of a scan.

    Attributes:
        findings: the leaks, file by file.
        files: how many files were looked through.
        skipped: those that were not, or not wholly.
        looked_for: the references of the secrets whose values were looked for.
        unknown: the references that yielded no value: theirs may be anywhere.
    """

    findings: tuple[Finding, ...]
    files: int
    skipped: tuple[Skipped, ...] = ()
    looked_for: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether nothing was found."""
        return not self.findings

    def __len__(self) -> int:
        return len(self.findings)

    def __bool__(self) -> bool:
        return True  # a clean one is one too

    def __iter__(self) -> Iterator[Finding]:
        return iter(self.findings)

    def __repr__(self) -> str:
        return f"<Scan: {self.summary}>"

    @property
    def summary(self) -> str:
        """What came of it, in a sentence."""
        known = sum(finding.known for finding in self.findings)
        possible = _many(len(self) - known, "possible one")
        told = [
            f"{_many(known, 'known secret')} and {possible} in {_many(self.files, 'file')}",
            f"{_many(len(self.looked_for), 'value')} looked for, {len(self.unknown)} not to be had",
        ]
        return "; ".join([*told, *([f"{_many(len(self.skipped), 'thing')} skipped"] if self.skipped else [])])

    def frame(self) -> DataFrame:
        """The findings as a DataFrame, one row each."""
        return findings_frame(self.findings)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON data."""
        return {**asdict(self), "ok": self.ok, "findings": [finding.to_dict() for finding in self.findings]}

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {"text/plain": repr(self), "text/html": str(draw(self))}


def draw(scan: Scan) -> html.Markup:
    """A scan as static HTML."""
    verdict = html.pill("clean", "good") if scan.ok else html.pill(f"{len(scan)} leaks", "bad")
    rows = [
        (
            finding.place,
            html.pill("known", "bad") if finding.known else html.pill("possible", "warn"),
            finding.kind,
            html.code(finding.secret),
            finding.todo,
        )
        for finding in scan.findings
    ]
    parts = [html.tag("div", verdict, " ", html.quiet(scan.summary))]
    parts += [html.table(["where", "is it known", "kind", "secret", "what to do"], rows)] if rows else []
    if scan.unknown:
        parts.append(html.tag("div", html.quiet(f"Not to be had, so not looked for: {', '.join(scan.unknown)}")))
    if scan.skipped:
        skipped = html.table(["file", "why"], [(skip.file, skip.why) for skip in scan.skipped])
        parts.append(html.fold(f"{len(scan.skipped)} files skipped", skipped))
    return html.tag("div", *parts)


def _many(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"

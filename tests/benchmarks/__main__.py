"""Measure, and print the table."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from astro_nb import __version__

from . import bulk, documents, large, measures, pages, rate_limit, responses, screens  # noqa: F401  # each registers its rows
from .registry import Figures, Skipped, Unit, rows

HEADINGS = ("name", "ours", "reference", "ratio", "aim")
WIDTHS = (24, 10, 48, 7, 16)


def main() -> None:
    """Measure the named rows, or all, and print each as soon as it is known."""
    asked = _arguments()
    _print(HEADINGS)
    found: dict[str, Figures] = {}
    skipped: dict[str, str] = {}
    for name in asked.names or rows():
        try:
            found[name] = rows()[name]()
        except Skipped as reason:
            skipped[name] = str(reason)
            print(f"{name}: skipped. {reason}", flush=True)
        else:
            _print_row(name, found[name])
    if asked.json:
        asked.json.write_text(json.dumps(_report(found, skipped), indent=2) + "\n", encoding="utf-8")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description="Rows: " + ", ".join(rows()))
    parser.add_argument("names", nargs="*", metavar="NAME", help="the rows to measure; all when left out")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there, too")
    asked = parser.parse_args()
    unknown = [name for name in asked.names if name not in rows()]
    if unknown:
        parser.error(f"there is no row {unknown[0]!r}; the rows are {', '.join(rows())}")
    return asked


def _print_row(name: str, figures: Figures) -> None:
    """Print a line for the row, one for each further figure, and the notes."""
    reference = "-" if figures.reference is None else f"{_format(figures.reference, figures.unit)}  {figures.against}"
    ratio = "-" if figures.ratio is None else f"{figures.ratio:.2f}"
    aim = _format(figures.aim, "" if figures.aim_of == "ratio" else figures.unit)
    ours = _format(figures.ours, figures.unit)
    _print((name, ours, reference, ratio, f"≤ {aim}" + " (ratio)" * (figures.aim_of == "ratio")))
    for label, value in figures.beside.items():
        _print(("", "", f"{_format(value, figures.unit)}  {label}", f"{figures.ours / value:.2f}", ""))
    for note in figures.notes:
        print(f"  {note}", flush=True)


def _format(value: float, unit: Unit) -> str:
    if unit != "s":
        return f"{value:.4g} {unit}".strip()
    return f"{1000 * value:.2f} ms" if value < 0.1 else f"{value:.3f} s"


def _print(cells: tuple[str, ...]) -> None:
    print("  ".join(cell.ljust(width) for cell, width in zip(cells, WIDTHS, strict=True)).rstrip(), flush=True)


def _report(found: dict[str, Figures], skipped: dict[str, str]) -> dict[str, Any]:
    return {
        "measured": datetime.now(UTC).isoformat(timespec="seconds"),
        "astro_nb": __version__,
        "python": sys.version.split()[0],
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
        "rows": {name: {**asdict(figures), "ratio": figures.ratio} for name, figures in found.items()},
        "skipped": skipped,
    }


if __name__ == "__main__":
    main()

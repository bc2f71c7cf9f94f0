"""Measures, and prints the table."""

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

from . import measures  # noqa: F401  # enters its rows
from .registry import Figures, Unit, rows

HEADINGS = ("name", "ours", "reference", "ratio", "aim")


def main() -> None:
    """Measure the rows named, or all, and tell each as soon as it is known."""
    asked = _arguments()
    widths = (max(map(len, rows())), 10, 32, 7, 16)
    _print(HEADINGS, widths)
    found: dict[str, Figures] = {}
    for name in asked.names or rows():
        found[name] = rows()[name]()
        _print(_cells(name, found[name]), widths)
    if asked.json:
        asked.json.write_text(json.dumps(_report(found), indent=2) + "\n", encoding="utf-8")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description="Rows: " + ", ".join(rows()))
    parser.add_argument("names", nargs="*", metavar="NAME", help="the rows to measure; all when left out")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there, too")
    asked = parser.parse_args()
    unknown = [name for name in asked.names if name not in rows()]
    if unknown:
        parser.error(f"there is no row {unknown[0]!r}; there are {', '.join(rows())}")
    return asked


def _cells(name: str, figures: Figures) -> tuple[str, ...]:
    reference = "-" if figures.reference is None else f"{_told(figures.reference, figures.unit)}  {figures.against}"
    ratio = "-" if figures.ratio is None else f"{figures.ratio:.2f}"
    aim = f"≤ {figures.aim:g}" if figures.aim_of == "ratio" or not figures.unit else f"≤ {figures.aim:g} s"
    return name, _told(figures.ours, figures.unit), reference, ratio, aim + (" (ratio)" * (figures.aim_of == "ratio"))


def _told(value: float, unit: Unit) -> str:
    if not unit:
        return f"{value:g}"
    return f"{1000 * value:.2f} ms" if value < 0.1 else f"{value:.3f} s"


def _print(cells: tuple[str, ...], widths: tuple[int, ...]) -> None:
    print("  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip(), flush=True)


def _report(found: dict[str, Figures]) -> dict[str, Any]:
    return {
        "measured": datetime.now(UTC).isoformat(timespec="seconds"),
        "astro_nb": __version__,
        "python": sys.version.split()[0],
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
        "rows": {name: {**asdict(figures), "ratio": figures.ratio} for name, figures in found.items()},
    }


if __name__ == "__main__":
    main()

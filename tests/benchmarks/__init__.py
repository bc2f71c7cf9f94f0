"""Figures of speed, each beside a floor that was measured in the same minutes on the same machine.

    python -m tests.benchmarks [NAME…] [--json FILE]

Run it at the root of the repository. Ratios hold better than seconds; aims are what was promised; the table
leaves the judgement to its reader.
"""

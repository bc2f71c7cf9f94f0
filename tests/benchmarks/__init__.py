"""Figures of speed, each with a reference measured at the same time on the same machine.

    python -m tests.benchmarks [NAME…] [--json FILE]

Run it at the root of the repository. Ratios are steadier than seconds. Aims are what is promised; the
table does not judge.
"""

# ruff: noqa: INP001 - a conftest beside tests, of no package
"""Tests of the plugin; the example is a project of its own, run by tests/test_example.py as its owner would."""

from __future__ import annotations

collect_ignore = ["example"]

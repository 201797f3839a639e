"""Fault tests count what they do, and their table is printed in the end."""

from __future__ import annotations

from tests.support.faults.fault_table import pytest_pyfunc_call, pytest_terminal_summary

__all__ = ["pytest_pyfunc_call", "pytest_terminal_summary"]

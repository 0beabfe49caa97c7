"""One HTML file that says what a run found: opens offline, runs no script, holds everything it shows."""

from mislabel.report.page import render_report, write_report

__all__ = ["render_report", "write_report"]

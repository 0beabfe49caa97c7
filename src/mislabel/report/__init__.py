"""One HTML file with the results of a run: it opens offline, runs no script and holds everything it shows."""

from mislabel.report.page import render_report, write_report

__all__ = ["render_report", "write_report"]

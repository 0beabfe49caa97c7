"""Methods side by side on many data sets: suites, cells, tables."""

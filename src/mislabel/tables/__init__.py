"""Files and frames in and out: one format, one file."""

from mislabel.tables.reading import pick_column, read_table, write_table

__all__ = ["pick_column", "read_table", "write_table"]

"""Files and frames in and out: one format, one file, registered by the ending of names (`registry`)."""

from mislabel.tables.reading import as_frame, check_columns, columns, pick_column, read_table
from mislabel.tables.writing import check_output, write_table

__all__ = ["as_frame", "check_columns", "check_output", "columns", "pick_column", "read_table", "write_table"]

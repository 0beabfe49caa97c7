"""Methods of learning from noisy labels: one paper, one file, named as the method. `METHODS` knows them all.

Their names are known without importing them, and so without torch; a method is imported when it is looked up.
"""

from mislabel.methods.method import Method
from mislabel.methods.registry import METHODS, Entry, method_entry, register

__all__ = ["METHODS", "Entry", "Method", "method_entry", "register"]

"""`python -m mislabel`."""

from mislabel.cli import main

main()

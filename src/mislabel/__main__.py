"""`python -m mislabel`."""

from mislabel.cli import main

if __name__ == "__main__":  # a worker that is spawned imports this, too
    main()

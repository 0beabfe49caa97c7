"""Files that leave a review and come back: the data as they were, what is written, lines of a reviewed file."""

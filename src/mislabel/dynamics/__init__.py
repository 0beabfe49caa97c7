"""What training leaves behind per row: recorded in the passes themselves, kept on disk, read by pure functions."""

"""A run: its settings, its folder, and the job that fills it."""

"""Texts: their checks, batches and views, networks, and what a run does with them."""

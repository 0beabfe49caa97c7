"""Exports of a review, and reviewed files that come back."""

"""Encoders and heads: inputs of a batch in, logits out."""

DEFAULT_ENCODER = "sentence-transformers/all-MiniLM-L6-v2"

"""Encoders and heads: inputs of a batch in, logits out."""

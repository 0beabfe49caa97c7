"""Encoders and heads: inputs of a batch in, logits out."""

DEFAULT_ENCODER = "sentence-transformers/all-MiniLM-L6-v2"
DEFAULT_IMAGE_ENCODER = "microsoft/resnet-50"

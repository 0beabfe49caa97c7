"""A language model behind an OpenAI-compatible server as one more source of labels, never as truth."""

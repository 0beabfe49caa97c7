"""Images: files, encoded bytes or pixels, every one of them opened and decoded once, when it is checked."""

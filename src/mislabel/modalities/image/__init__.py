"""Images: files, encoded bytes or pixels, every one of them opened and decoded once at the door."""

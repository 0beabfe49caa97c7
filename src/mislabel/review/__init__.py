"""The local page where a person decides: session, server and page."""

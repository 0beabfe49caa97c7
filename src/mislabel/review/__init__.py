"""The local page where a person decides: store, server, page; and the way of decisions out and back."""

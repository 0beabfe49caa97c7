"""What a person decided: events and their replay, the store, and what they say of the whole."""

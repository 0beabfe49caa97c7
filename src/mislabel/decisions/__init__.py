"""What a person decided: events and their replay, the store, and estimates from them."""

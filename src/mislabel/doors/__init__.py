"""For people who have a Trainer, a loop or probabilities of their own: an audit and a run without our training."""

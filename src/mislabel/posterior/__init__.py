"""From dynamics to probabilities: arrays in, arrays out."""

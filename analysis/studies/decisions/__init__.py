"""What to change first, and what is needed: decisions from the model."""

"""Readers of what hosts record; they know nothing of the model."""

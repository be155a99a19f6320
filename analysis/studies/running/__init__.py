"""A migration that is still running: what its polls tell, and how it will end."""

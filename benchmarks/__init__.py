"""What takes time, measured beside something else, and how right it is on tables of others."""

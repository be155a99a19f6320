"""The model of a live migration: pure functions of arrays, free of files and figures."""

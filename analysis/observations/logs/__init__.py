"""Logs in which programs tell of live migrations line by line, each program in its own words."""

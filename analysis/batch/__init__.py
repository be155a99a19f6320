"""Notebooks run side by side (``run``): one of them (``execution``), its kernel, what is up to date."""

from analysis.schemas import spare_parsers

# Before papermill, nbformat or nbconvert are imported.
spare_parsers()

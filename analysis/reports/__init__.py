"""From notebooks to reports: run them (``run``), turn them into HTML (``html``), show them (``index``)."""

from ..schemas import spare_parsers

# Before papermill, nbformat or nbconvert are imported.
spare_parsers()

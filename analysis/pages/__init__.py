"""What comes out: notebooks as HTML (``html``), their index (``index``), their numbers (``results``)."""

from analysis.schemas import spare_parsers

# Before nbformat or nbconvert are imported.
spare_parsers()

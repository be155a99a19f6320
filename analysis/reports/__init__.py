"""From notebooks to reports: run them (``run``), turn them into HTML (``html``), show them (``index``)."""

import sys

# jsonschema's optional format checker rfc3987_syntax builds 35 parsers when nbformat is imported: 1.6 s of
# every process that touches a notebook. No Jupyter schema uses the format it checks, and jsonschema
# goes on without it, so it is declared absent before papermill, nbformat or nbconvert are imported.
sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]

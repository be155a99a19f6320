"""What is wrong with the content of a file by a JSON schema."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jsonschema import ValidationError


def spare_parsers() -> None:
    """Declare absent what jsonschema loads for a format that no schema here, and none of Jupyter's, uses.

    Its optional checker rfc3987_syntax builds 35 parsers when jsonschema or nbformat is imported, more than
    a second of every process that touches a file or a notebook. jsonschema goes on without it; a program that
    wants it for itself imports it first.
    """
    sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]


def first_fault(content: Any, schema: Mapping[str, Any]) -> ValidationError | None:
    """The first thing wrong with some content, or None."""
    # Here, since it takes longer to load than all else that a process of a sweep needs.
    spare_parsers()
    import jsonschema

    return next(jsonschema.Draft202012Validator(schema).iter_errors(content), None)

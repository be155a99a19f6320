"""What a page may run: its own scripts, known by their digests, and nothing else from anywhere.

Values and names out of data are escaped where they are put in. Should one become markup all the same, the
policy keeps the browser from running it: no other script, no handler in a tag, no address of a network.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from html import escape

from markupsafe import Markup
from nbformat import NotebookNode

from analysis.pages.parts import outputs

_REST = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


def digest(script: str) -> str:
    """A script as a policy names it: the digest of what stands between its tags.

    >>> digest("")
    'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='
    """
    return f"sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}"


def policy(digests: Iterable[str]) -> Markup:
    """The element of a page's head that says what may run there."""
    scripts = " ".join(f"'{known}'" for known in digests) or "'none'"
    content = escape(f"{_REST}; script-src {scripts}")
    return Markup('<meta http-equiv="Content-Security-Policy" content="{}">').format(Markup(content))


def told(notebook: NotebookNode) -> list[str]:
    """Digests of the scripts that the study's own code brought into a notebook's outputs."""
    scripts = (output.get("metadata", {}).get("study", {}).get("script") for output in outputs(notebook))
    return sorted({str(script) for script in scripts if script})

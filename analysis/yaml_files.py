"""Reading the YAML files that a person writes: what is wrong with one is told in a sentence."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from pathlib import Path
from typing import Any, TypeVar

import yaml

from analysis.parameters import ParameterError

T = TypeVar("T")


class _Once(yaml.SafeLoader):
    """YAML that refuses a key given twice, of which the first would be lost without a word."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """A mapping whose keys differ."""
        keys = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        for place, key in enumerate(keys):
            if key in keys[:place] and key != "<<":
                raise ParameterError(f"{key!r} is given twice, line {node.start_mark.line + 1} and after")
        return super().construct_mapping(node, deep)


def read(path: Path, what: str, parse: Callable[[Any], T]) -> T:
    """What ``parse`` makes of a file; ParameterError, naming ``what`` it is and the file, if that is none."""
    try:
        return parse(yaml.load(path.read_text(encoding="utf-8"), _Once))
    except ParameterError as error:
        raise ParameterError(f"{what} '{path.name}': {error}") from None
    except OSError as error:
        raise ParameterError(f"{what} '{path}' cannot be read: {error.strerror}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        place = getattr(error, "problem_mark", None)
        where = f", line {place.line + 1}" if place else ""
        reason = str(getattr(error, "problem", "") or "it is no text").strip()
        raise ParameterError(f"{what} '{path.name}' is not valid YAML{where}: {reason}") from None

"""Reading the YAML files that a person writes: what is wrong with one is told in a sentence.

Whatever the bytes are, reading ends soon and needs little memory: a file has at most :data:`MOST_BYTES`,
lists within lists go :data:`DEEPEST` deep, and aliases that repeat each other are counted before anything is
made of them. Only plain values are made: no tag of a program's own is known, so that a file never runs code.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import yaml

from analysis.parameters import ParameterError

T = TypeVar("T")
MOST_BYTES = 16 * 2**20
"""Size of a file: a design of a million values is smaller, and pure Python reads some 100 KiB/s."""
DEEPEST = 60
"""Lists and mappings within each other: the files of the study need six."""
MOST_REPEATED = 2_000_000
"""Values of a file, those that aliases repeat counted each time."""


class _Plain(yaml.SafeLoader):
    """YAML whose every fault is a YAMLError or a ParameterError, whatever its constructors stumble on."""

    def __init__(self, stream: bytes) -> None:
        super().__init__(stream)
        self._depth = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """A node, no deeper than allowed: each level is a call within a call."""
        self._depth += 1
        if self._depth > DEEPEST:
            event = self.peek_event()  # type: ignore[no-untyped-call]
            raise ParameterError(f"line {event.start_mark.line + 1}: it is nested more than {DEEPEST} deep")
        try:
            return super().compose_node(parent, index)
        finally:
            self._depth -= 1

    def construct_document(self, node: yaml.Node) -> Any:
        """The content, once it is known to be of a sensible size."""
        _refuse_multiplied(node)
        return super().construct_document(node)

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        """What a node stands for; YAML's own constructors let Python's errors through."""
        try:
            return super().construct_object(node, deep)
        except (ValueError, KeyError, AttributeError, TypeError, OverflowError) as error:
            if isinstance(error, ParameterError):
                raise
            kind, text = node.tag.rpartition(":")[2], _start(node)
            raise ParameterError(f"line {node.start_mark.line + 1}: {text} is no {kind}") from None

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """A mapping whose keys differ: of one given twice the first would be lost without a word."""
        if not isinstance(node, yaml.MappingNode):
            raise ParameterError(f"line {node.start_mark.line + 1}: {_start(node)} is no mapping")
        keys = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        for place, key in enumerate(keys):
            if key in keys[:place] and key != "<<":
                raise ParameterError(f"{key!r} is given twice, line {node.start_mark.line + 1} and after")
        return super().construct_mapping(node, deep)


def _start(node: yaml.Node) -> str:
    """How a node begins, as a message quotes it."""
    return f"{str(node.value)[:40]!r}" if isinstance(node, yaml.ScalarNode) else "what stands there"


def _children(node: yaml.Node) -> Iterator[yaml.Node]:
    for child in node.value if isinstance(node, yaml.CollectionNode) else ():
        yield from child if isinstance(child, tuple) else (child,)


def _refuse_multiplied(root: yaml.Node) -> None:
    """ParameterError for aliases that hold themselves, or that multiply to more than can be meant."""
    sizes: dict[int, int] = {}

    def size(node: yaml.Node) -> int:
        if id(node) not in sizes:
            sizes[id(node)] = -1
            sizes[id(node)] = 1 + sum(map(size, _children(node)))
        if sizes[id(node)] < 0:
            raise ParameterError(f"line {node.start_mark.line + 1}: an alias stands for what it is part of")
        return sizes[id(node)]

    if size(root) > MOST_REPEATED:
        raise ParameterError(f"its aliases make more than {MOST_REPEATED:,} values of it")


def content(path: Path) -> Any:
    """What a file holds, as plain values; OSError if it cannot be read, ParameterError if it is no YAML."""
    with path.open("rb") as file:
        data = file.read(MOST_BYTES + 1)
    if len(data) > MOST_BYTES:
        raise ParameterError(f"it is larger than {MOST_BYTES // 2**20} MiB")
    return loaded(data)


def loaded(data: bytes) -> Any:
    """What YAML in UTF-8, or in UTF-16 with a byte-order mark, stands for; ParameterError if it is none.

    >>> loaded(b"memory_gib: [1, 2.5]")
    {'memory_gib': [1, 2.5]}
    """
    try:
        return yaml.load(data, _Plain)
    except yaml.YAMLError as error:
        place = getattr(error, "problem_mark", None)
        where = f", line {place.line + 1}" if place else ""
        reason = getattr(error, "problem", None) or getattr(error, "reason", None) or "it is no text"
        raise ParameterError(f"it is not valid YAML{where}: {reason}") from None
    except UnicodeDecodeError:
        raise ParameterError("it is not valid YAML: it is no text") from None


def read(path: Path, what: str, parse: Callable[[Any], T]) -> T:
    """What ``parse`` makes of a file; ParameterError, naming ``what`` it is and the file, if that is none."""
    try:
        return parse(content(path))
    except ParameterError as error:
        told = str(error)
        # One sentence: `the grid 'x.yml' is not valid YAML`, not `the grid 'x.yml': it is ...`.
        said = told.removeprefix("it ") if told.startswith("it is ") else f": {told}"
        raise ParameterError(f"{what} '{path.name}'{'' if said[0] == ':' else ' '}{said}") from None
    except OSError as error:
        raise ParameterError(f"{what} '{path}' cannot be read: {error.strerror}") from None

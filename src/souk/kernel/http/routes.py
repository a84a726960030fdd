"""Finding the operation of a path: fixed paths by one dictionary look-up, the others by a trie of their segments."""

from __future__ import annotations

from typing import Final, Generic, TypeVar

T = TypeVar("T")

NOTHING: Final[tuple[str, ...]] = ()


class Node(Generic[T]):
    """One segment of a path: what follows it by name, what follows it as a parameter, and what ends here."""

    __slots__ = ("by_name", "ends", "parameter")

    def __init__(self) -> None:
        self.by_name: dict[str, Node[T]] = {}
        self.parameter: Node[T] | None = None
        self.ends: dict[str, T] = {}


class Routes(Generic[T]):
    """Every path of the server. A named segment goes before a parameter: `/orders/mine` before `/orders/{id}`."""

    def __init__(self) -> None:
        self._root: Node[T] = Node()
        self._fixed: dict[str, dict[str, T]] = {}

    def add(self, method: str, path: str, target: T) -> None:
        """Add a path; two targets of one method and path are refused."""
        node = self._root
        for segment in path.split("/"):
            if segment.startswith("{"):
                node.parameter = node = node.parameter or Node()
            else:
                node = node.by_name.setdefault(segment, Node())
        if method in node.ends:
            raise ValueError(f"two operations answer {method} {path}: {node.ends[method]!r} and {target!r}")
        node.ends[method] = target
        if "{" not in path:
            self._fixed[path] = node.ends

    def find(self, path: str) -> tuple[dict[str, T], tuple[str, ...]] | None:
        """What answers a path, by method, and the values of its parameters."""
        ends = self._fixed.get(path)
        if ends is not None:
            return ends, NOTHING
        return _find(self._root, path.split("/"), 0, NOTHING)


def _find(node: Node[T], segments: list[str], at: int, values: tuple[str, ...]) -> tuple[dict[str, T], tuple[str, ...]] | None:
    """Walk down by name where possible; step back and take the parameter where that leads nowhere."""
    last = len(segments)
    while at < last:
        segment = segments[at]
        at += 1
        named = node.by_name.get(segment)
        free = node.parameter
        if named is not None:
            if free is None:
                node = named
                continue
            found = _find(named, segments, at, values)
            if found is not None:
                return found
        if free is None or not segment:
            return None
        node, values = free, (*values, segment)
    return (node.ends, values) if node.ends else None

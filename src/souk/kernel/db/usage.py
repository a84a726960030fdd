"""Whether the code uses the statements it defines, and calls them with as many arguments as they have parameters."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from souk.kernel.db.query import Query

CALLS = ("run", "finish")


def check_usage(package: Path, queries: Iterable[Query[Any]]) -> list[str]:
    """What is wrong with the use of these statements in all files of a package; a line each.

    Used is what is named again somewhere, not only defined, imported or listed in `__all__`.
    """
    trees = {path: ast.parse(path.read_text("utf-8"), str(path)) for path in sorted(package.rglob("*.py"))}
    used = {name for tree in trees.values() for name in _names_used(tree)}
    named: dict[str, Query[Any]] = {}
    complaints = []
    for query in queries:
        name = _constant(query, trees)
        if name is None:
            complaints.append(f"{query.home}: a statement is a constant of its module, with a name of its own")
        elif name not in used:
            complaints.append(f"{query.home}: {name} is used nowhere")
        else:
            named[name] = query
    for path, tree in trees.items():
        complaints += [f"{path.name}:{line}: {text}" for line, text in _wrong_calls(tree, named)]
    return complaints


def _constant(query: Query[Any], trees: dict[Path, ast.Module]) -> str | None:
    module, _, line = query.home.rpartition(":")
    tree = trees.get(Path(str(sys.modules[module].__file__)))
    for node in tree.body if tree is not None else []:
        if not isinstance(node, ast.Assign | ast.AnnAssign) or not node.lineno <= int(line) <= (node.end_lineno or 0):
            continue
        target = node.targets[0] if isinstance(node, ast.Assign) else node.target
        if isinstance(target, ast.Name) and isinstance(node.value, ast.Call):
            return target.id
    return None


def _names_used(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            yield node.id
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load):
            yield node.attr


def _wrong_calls(tree: ast.Module, named: dict[str, Query[Any]]) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in CALLS and node.args):
            continue
        first, *given = node.args
        name = first.id if isinstance(first, ast.Name) else first.attr if isinstance(first, ast.Attribute) else ""
        query = named.get(name)
        if query is None or any(isinstance(each, ast.Starred) for each in given) or isinstance(given[0] if given else None, ast.Tuple):
            continue
        if len(given) != query.parameters:
            yield node.lineno, f"{name} has {query.parameters} parameters and is called with {len(given)} arguments"

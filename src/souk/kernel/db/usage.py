"""Whether the code uses the statements it defines, and calls them with as many arguments as they have parameters."""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from souk.kernel.db.query import Query

CALLS = ("run", "finish")
LONGEST_WAY = 10
"""A name is imported from where it was imported from where … so many times at most."""


def check_usage(package: Path, queries: Iterable[Query[Any]]) -> list[str]:
    """What is wrong with the use of these statements in all files of a package; a line each.

    Used is what is named again somewhere, not only defined, imported or listed in `__all__`.
    """
    trees = {path: ast.parse(path.read_text("utf-8"), str(path)) for path in sorted(package.rglob("*.py"))}
    modules = {_module(path, package): (path, tree) for path, tree in trees.items()}
    origins = {module: _origins(tree, module, path) for module, (path, tree) in modules.items()}
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
            named[f"{query.home.rpartition(':')[0]}.{name}"] = query
    for module, (path, tree) in modules.items():
        wrong = _wrong_calls(tree, lambda written, module=module: named.get(_defined(f"{module}.{written}", origins)))  # type: ignore[misc]
        complaints += [f"{path.name}:{line}: {text}" for line, text in wrong]
    return complaints


def _module(path: Path, package: Path) -> str:
    parts = path.relative_to(package.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _origins(tree: ast.Module, module: str, path: Path) -> dict[str, str]:
    """What a module's imported names stand for."""
    here = module.split(".") if path.name == "__init__.py" else module.split(".")[:-1]
    found: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            above = here[: len(here) + 1 - node.level] if node.level else []
            source = ".".join((*above, *([node.module] if node.module else [])))
            found |= {alias.asname or alias.name: f"{source}.{alias.name}" for alias in node.names}
    return found


def _defined(name: str, origins: Mapping[str, Mapping[str, str]]) -> str:
    """Where what is written somewhere is defined: `package.commands.sql.ADD` is `package.sql.ADD` where `sql` was imported."""
    for _ in range(LONGEST_WAY):
        module, first, more = _split(name, origins)
        if first not in origins.get(module, {}):
            break
        name = origins[module][first] + more
    return name


def _split(name: str, modules: Mapping[str, object]) -> tuple[str, str, str]:
    """The longest module that a dotted name begins with, the name in it, and what follows."""
    parts = name.split(".")
    at = next((at for at in range(len(parts) - 1, 0, -1) if ".".join(parts[:at]) in modules), 0)
    return ".".join(parts[:at]), parts[at], "".join(f".{part}" for part in parts[at + 1 :])


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


def _wrong_calls(tree: ast.Module, meant: Callable[[str], Query[Any] | None]) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in CALLS and node.args):
            continue
        first, *given = node.args
        query = meant(ast.unparse(first)) if isinstance(first, ast.Name | ast.Attribute) else None
        if query is None or any(isinstance(each, ast.Starred) for each in given) or isinstance(given[0] if given else None, ast.Tuple):
            continue
        if len(given) != query.parameters:
            name = ast.unparse(first).rpartition(".")[2]
            yield node.lineno, f"{name} has {query.parameters} parameters and is called with {len(given)} arguments"

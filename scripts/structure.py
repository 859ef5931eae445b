"""Measure the structure of the code: `make structure`. Only reads files and enforces no limits.

Counts the modules and folders at the top of each app, the imports between them, public names that
several modules define, and lines. Lists signals that are received in the app that sends them.
"""

import ast
import subprocess
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
APPS = ("aspen", "accounts", "events", "credits", "tracks", "helpdesk")
# Names that Django looks for in every app.
CONVENTIONS = {"urlpatterns", "app_name", "Command", "application", "logger"}


def main() -> None:
    files = tracked_files()
    source = [path for path in files if is_source(path)]
    print(f"{'app':10} {'top level':>10} {'imports between':>16}")
    for app in APPS:
        top, imports = count_areas([path for path in source if path.parts[0] == app])
        print(f"{app:10} {top:10} {imports:16}")
    functions, constants = repeated_names(source, constants=False), repeated_names(source)
    print(f"\nPublic functions and classes defined in several modules: {len(functions)}")
    print(f"… including constants: {len(constants)}")
    for name, where in sorted(functions.items()):
        print(f"  {name:28} {' '.join(where)}")
    print(f"\nSignals received in the app that sends them: {', '.join(own_signals(source))}")
    print("\nLines:")
    for label, paths in {
        "source": source,
        "migrations": [path for path in files if "migrations" in path.parts],
        "tests": [path for path in files if path.parts[0] == "tests"],
    }.items():
        print(f"  {label:10} {sum(len(text(path).splitlines()) for path in paths):7,}")


def tracked_files() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "*.py"], cwd=ROOT, check=True, capture_output=True, text=True
    )
    return [Path(name) for name in listed.stdout.splitlines()]


def is_source(path: Path) -> bool:
    return path.parts[0] in APPS and "migrations" not in path.parts


def text(path: Path) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


def module(path: Path) -> str:
    name = ".".join(path.with_suffix("").parts)
    return name.removesuffix(".__init__")


def count_areas(paths: list[Path]) -> tuple[int, int]:
    """Return the number of top-level modules and folders in an app, and of imports between them."""
    modules = {module(path): path for path in paths}
    areas = {name.split(".")[1] for name in modules if "." in name}
    pairs = set()
    for name, path in modules.items():
        if "." in name:
            area = name.split(".")[1]
            targets = {target.split(".")[1] for target in imports(path, modules) if "." in target}
            pairs |= {(area, target) for target in targets if target != area}
    return len(areas), len(pairs)


def imports(path: Path, modules: dict[str, Path]) -> Iterator[str]:
    for node in ast.walk(ast.parse(text(path))):
        if isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                full_name = f"{node.module}.{alias.name}"
                name = full_name if full_name in modules else node.module
                if name in modules:
                    yield name


def repeated_names(paths: list[Path], *, constants: bool = True) -> dict[str, list[str]]:
    where: dict[str, set[str]] = defaultdict(set)
    for path in paths:
        for name in public_names(path, constants=constants):
            where[name].add(str(path))
    return {name: sorted(files) for name, files in where.items() if len(files) > 1}


def public_names(path: Path, *, constants: bool) -> Iterator[str]:
    names: list[str] = []
    for node in ast.parse(text(path)).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.append(node.name)
        elif constants and isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names += [target.id for target in targets if isinstance(target, ast.Name)]
    for name in names:
        if not name.startswith("_") and name not in CONVENTIONS:
            yield name


def own_signals(paths: list[Path]) -> list[str]:
    signals = []
    for path in paths:
        if path.name == "receivers.py":
            for node in ast.walk(ast.parse(text(path))):
                if isinstance(node, ast.ImportFrom) and node.module == f"{path.parts[0]}.signals":
                    signals += [f"{path.parts[0]}.{alias.name}" for alias in node.names]
    return signals


if __name__ == "__main__":
    main()

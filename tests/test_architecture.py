"""The arrows of docs/architecture.md go one way, and `lathe --help` loads nothing heavy."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "promptlathe"
LAYERS = (
    {"errors", "messages"},
    {"source_files"},
    {"prompts", "tasks", "models", "statistics"},
    {"engines"},
    {"evaluation"},
    {"optimization"},
    {"workspace"},
    {"server"},
    {"cli"},
    {"__main__"},
)
LEVEL = {name: level for level, names in enumerate(LAYERS) for name in names}
ONLY_AT_THE_EDGE = {
    "typer": {"cli"}, "rich": {"cli"}, "sqlalchemy": {"workspace"}, "alembic": {"workspace"},
    "fastapi": {"server"}, "starlette": {"server"}, "uvicorn": {"server"}, "prometheus_client": {"server"},
}  # fmt: skip
HEAVY = {
    "alembic", "fastapi", "httpx2", "jinja2", "markdown_it", "numpy", "openvino", "openvino_genai", "prompt_toolkit",
    "psutil", "pydantic", "ruamel", "scipy", "sqlalchemy",
    "uvicorn",
}  # fmt: skip


def is_for_types_only(node: ast.stmt) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def imported(nodes: Iterator[ast.AST] | list[ast.stmt]) -> Iterator[tuple[int, str]]:
    """Line and full name of each module imported; `from a import b` gives a.b, which may be a module."""
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: imports are absolute here"
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


def faults(path: Path, source: str) -> list[str]:
    """What one file of the package (`path` from its root) imports against the rules."""
    own = path.parts[0].removesuffix(".py")
    found = []
    for line, name in imported(ast.walk(ast.parse(source))):
        root, _, rest = name.partition(".")
        part = rest.partition(".")[0]
        if own not in ONLY_AT_THE_EDGE.get(root, {own}):
            found.append(f"{path}:{line}: {own} imports {root}")
        if root == "promptlathe" and part not in (own, "__version__") and LEVEL[part] >= LEVEL[own]:
            found.append(f"{path}:{line}: {own} imports {part}")
    return found


def files() -> list[Path]:
    return [path for path in sorted(SOURCE.rglob("*.py")) if path != SOURCE / "__init__.py"]


def test_every_part_has_its_layer() -> None:
    parts = {path.relative_to(SOURCE).parts[0].removesuffix(".py") for path in files()}
    assert parts == set(LEVEL)


def test_imports_go_one_way() -> None:
    assert [fault for path in files() for fault in faults(path.relative_to(SOURCE), path.read_text())] == []


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("prompts/file.py", "from promptlathe.tasks.case import Case"),
        ("engines/engine.py", "import promptlathe.evaluation.run"),
        ("evaluation/run.py", "def f() -> None:\n    from promptlathe.workspace.database import Database"),
        ("evaluation/run.py", "if TYPE_CHECKING:\n    from promptlathe import cli"),
        ("optimization/search.py", "from rich.table import Table"),
        ("models/store.py", "import typer"),
        ("cli/runs.py", "import sqlalchemy"),
    ],
)
def test_a_planted_import_is_found(path: str, source: str) -> None:
    assert len(faults(Path(path), source)) == 1


def loaded(source: str) -> set[str]:
    """What importing this source imports at once: not what stands in functions or is for types only."""
    body = [node for node in ast.parse(source).body if not is_for_types_only(node)]
    return {name for _, name in imported(body)}


def module_file(name: str) -> Path | None:
    """The file of a module of ours; of something in a module, that module's."""
    parts = name.split(".")
    while len(parts) > 1 and parts[0] == "promptlathe":
        base = SOURCE.joinpath(*parts[1:])
        for path in (base.with_suffix(".py"), base / "__init__.py"):
            if path.is_file():
                return path
        parts.pop()
    return None


def test_starting_the_command_line_loads_nothing_heavy() -> None:
    waiting, seen = [SOURCE / "cli" / "main.py"], set()
    while waiting:
        path = waiting.pop()
        seen.add(path)
        names = loaded(path.read_text())
        assert {name.partition(".")[0] for name in names} & HEAVY == set(), path
        waiting += {found for name in names if (found := module_file(name))} - seen
    assert SOURCE / "cli" / "eval.py" in seen


@pytest.mark.parametrize("path", sorted((SOURCE / "cli").glob("*.py")), ids=lambda path: path.stem)
def test_no_module_of_the_command_line_loads_anything_heavy(path: Path) -> None:
    assert {name.partition(".")[0] for name in loaded(path.read_text())} & HEAVY == set()


def test_a_heavy_import_is_seen_where_it_is_loaded_at_once() -> None:
    assert loaded("import scipy.stats") == {"scipy.stats"}
    assert loaded("def f():\n    import scipy") == loaded("if TYPE_CHECKING:\n    import scipy") == set()

"""The rooms look only where ARCHITECTURE.md lets them look."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

# Each room, and the rooms that its code may import besides itself.
ARROWS = {
    "quality.pool": set(),
    "quality.devdb": set(),
    "quality.start": {"quality.devdb"},
    "quality.environment": set(),
    "quality.sizing": {"quality.environment", "quality.pool"},
    "quality.monitor": {"quality.pool"},
    "quality.backups": set(),
    "accounts": set(),
    "scans": {"accounts"},
    # The house is put together here.
    "quality": {
        "quality.pool",
        "quality.devdb",
        "quality.monitor",
        "quality.backups",
        "quality.environment",
        "quality.sizing",
        "quality.pool.budget",
    }
    | {"accounts", "scans"},
}
# Inside a room: outer modules may import inner ones, never the other way round.
OUTER = {"views", "api", "admin", "urls", "management", "apps"}
# Arithmetic and text: no database.
PURE = {
    "scans.barcode",
    "scans.charts",
    "scans.patterns",
    "scans.shifts",
    "scans.reporting.filters",
    "quality.sizing",
    "quality.pool.budget",
    "quality.monitor.usage",
    "quality.monitor.statements",
}


def modules() -> Iterator[tuple[str, Path]]:
    for package in ("quality", "accounts", "scans"):
        for path in sorted((ROOT / package).rglob("*.py")):
            if "migrations" not in path.parts:
                parts = path.relative_to(ROOT).with_suffix("").parts
                yield ".".join(part for part in parts if part != "__init__"), path


def imports(path: Path) -> set[str]:
    """All that a file imports, inside functions too."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: import by the full name"
            found |= {f"{node.module}.{alias.name}" for alias in node.names} | {str(node.module)}
    return found


def room_of(module: str) -> str | None:
    """The room with the longest name that holds the module; None for a library."""
    fitting = [room for room in ARROWS if module == room or module.startswith(f"{room}.")]
    return max(fitting, key=len, default=None)


MODULES = dict(modules())


@pytest.mark.parametrize("module", MODULES)
def test_a_room_imports_only_what_its_arrows_allow(module):
    room = room_of(module)
    assert room is not None
    allowed = ARROWS[room] | {room, None, "quality"}
    seen = {name: room_of(name) for name in imports(MODULES[module])}
    assert {name for name, target in seen.items() if target not in allowed} == set()
    if room != "quality":
        # The bare name comes with `from quality import sizing`; what is in it belongs to nobody.
        assert {name for name, target in seen.items() if target == "quality"} <= {"quality"}


@pytest.mark.parametrize("module", MODULES)
def test_inner_modules_do_not_import_outer_ones(module):
    room = room_of(module)
    if room in {"accounts", "scans"} and not OUTER & set(module.split(".")):
        outer = {f"{room}.{name}" for name in OUTER}
        assert not {name for name in imports(MODULES[module]) if name in outer}


def test_the_pool_could_be_lifted_out():
    for module, path in MODULES.items():
        if room_of(module) == "quality.pool":
            names = imports(path)
            assert not {
                name for name in names if name.startswith(("django.contrib", "django.http"))
            }
            assert not {name for name in names if name.startswith("django.db.models")}


@pytest.mark.parametrize("module", sorted(PURE))
def test_pure_modules_know_no_database(module):
    assert not {name for name in imports(MODULES[module]) if name.startswith("django.db")}


def test_the_test_can_fail():
    assert room_of("quality.pool.base") == "quality.pool"
    assert room_of("quality.settings") == "quality"
    assert room_of("django.db") is None
    assert "scans.models" in imports(ROOT / "scans" / "recording.py")

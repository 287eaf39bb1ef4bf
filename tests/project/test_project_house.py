"""The house: who may import whom, what loading the code location costs, what the wheel holds."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
import zipfile
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
PACKAGE = PROJECT / "pique_assets"
ROOMS = {
    "api": set(),
    "media": {"decoding"},
    "ledger": set(),
    "lake": set(),
    "evaluation": {"api", "media", "ledger"},
    "judges": {"api", "media", "lake"},
    "recovering": {"lake", "ledger"},
    "decoding": set(),
    "local": {"decoding"},
    "analysis": {"lake"},
    "testing": {"local"},
    "webhooks": {"api", "ledger"},
}
# For every room: they know nothing of any.
SHARED = {
    "pique_assets.chunks",
    "pique_assets.declared_values",
    "pique_assets.extras",
    "pique_assets.home",
    "pique_assets.lazy_names",
    "pique_assets.visible",
}
HEAVY = ("pandas", "pyarrow", "google", "av", "numpy", "httpx", "sqlalchemy", "PIL", "duckdb", "matplotlib")


def imports_of(path: Path) -> set[str]:
    """Every module a file names in an import, at its top or inside a function."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{path} imports relatively"
            # `from pique_assets import lake` imports the room and takes no name of the package.
            inside = {alias.name for alias in node.names if node.module == PACKAGE.name and is_module(alias.name)}
            found |= {f"{node.module}.{name}" for name in inside}
            if len(inside) < len(node.names):
                found.add(node.module)
    return found


def is_module(name: str) -> bool:
    return (PACKAGE / name).is_dir() or (PACKAGE / f"{name}.py").is_file()


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_only_the_rooms_it_may(room):
    files = list((PACKAGE / room).rglob("*.py"))
    assert files
    allowed = {f"pique_assets.{name}" for name in {room} | ROOMS[room]} | SHARED
    for file in files:
        for module in imports_of(file):
            if module.startswith("pique_assets"):
                assert any(module == name or module.startswith(f"{name}.") for name in allowed), (file, module)
            assert module.split(".")[0] not in ("dagster", "dagster_gcp"), (file, module)


def test_media_only_starts_the_process_that_decodes():
    for file in (PACKAGE / "media").rglob("*.py"):
        decoding = {module for module in imports_of(file) if module.startswith("pique_assets.decoding")}
        assert decoding <= {"pique_assets.decoding.type_client"}, file


def test_the_command_line_calls_rooms_and_no_asset():
    for file in (PACKAGE / "cli").rglob("*.py"):
        assert not [module for module in imports_of(file) if module.startswith("pique_assets.assets")], file


def modules() -> dict[str, Path]:
    """Every module of the package, by the name that imports it."""
    return {
        ".".join(path.relative_to(PROJECT).with_suffix("").parts).removesuffix(".__init__"): path
        for path in PACKAGE.rglob("*.py")
    }


def test_no_module_imports_itself_by_way_of_others():
    """Imports inside functions count, and so do those for types alone: who reads the one has to read the other."""
    known = modules()
    imported = {name: {one for one in names_of(path) if one in known and one != name} for name, path in known.items()}
    try:
        TopologicalSorter(imported).prepare()
    except CycleError as error:
        pytest.fail(f"a circle of imports: {' <- '.join(error.args[1])}")


def names_of(path: Path) -> set[str]:
    """What a file imports, by module and by the names it takes from there, which may be modules as well."""
    names = imports_of(path)
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def test_no_two_public_classes_share_a_name():
    where: dict[str, list[str]] = {}
    for name, path in modules().items():
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                where.setdefault(node.name, []).append(name)
    assert {name: found for name, found in where.items() if len(found) > 1} == {}


def test_only_the_wire_knows_httpx():
    users = {file.relative_to(PACKAGE).as_posix() for file in PACKAGE.rglob("*.py") if "httpx" in imports_of(file)}
    assert {name for name in users if not name.startswith("local/")} == {"api/wire.py"}


def test_nothing_private_of_dagster_is_imported():
    for file in [*PACKAGE.rglob("*.py"), PROJECT / "definitions.py"]:
        assert not [module for module in imports_of(file) if module.startswith("dagster._")], file


def test_every_module_opens_with_what_belongs_in_it():
    for file in PACKAGE.rglob("*.py"):
        docstring = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8")))
        assert docstring and len(docstring) > 40, f"{file} does not say what belongs in it"


def run_python(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("PIQUE_", "DAGSTER_"))}
    return subprocess.run(
        [sys.executable, "-c", code], cwd=PROJECT, env=clean | environment, capture_output=True, text=True, check=True
    )


def test_loading_the_code_location_imports_nothing_heavy():
    loaded = run_python("import sys, definitions; print(*sys.modules)").stdout.split()
    assert "dagster" in loaded
    assert not {module.split(".")[0] for module in loaded} & set(HEAVY)


COUNT_CALLS = """
import sys
calls = 0
def count(frame, event, argument):
    global calls
    calls += event in ("call", "c_call")
sys.setprofile(count)
{code}
sys.setprofile(None)
print(calls)
"""


@pytest.mark.slow
def test_loading_the_code_location_costs_little_more_than_dagster():
    def calls(code: str) -> int:
        return int(run_python(COUNT_CALLS.format(code=code)).stdout.split()[-1])

    # Once before, for both: Python compiles what it imports for the first time, which makes calls of its own.
    run_python("import definitions")
    # Counted, not timed: CPU times of one and the same import differ by half on a shared machine.
    location, dagster = calls("import definitions"), calls("import dagster")
    print(f"importing the code location makes {location / dagster:.4f} times the calls of `import dagster`")
    assert location <= 1.15 * dagster


@pytest.mark.slow
@pytest.mark.parametrize(
    "command",
    [
        ["dagster", "definitions", "validate", "-w", "workspace.yaml"],
        # The quick run has a project of `dg` in tests/assets/test_assets_guest_project.py.
        pytest.param(["dg", "check", "defs", "--use-active-venv"], marks=pytest.mark.long),
    ],
    ids=lambda command: command[0],
)
def test_definitions_validate_without_environment_and_network(command):
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("PIQUE_", "DAGSTER_", "GOOGLE_"))}
    # A proxy nobody listens on: whatever wanted the network would fail.
    clean |= {"HTTPS_PROXY": "http://127.0.0.1:9", "HTTP_PROXY": "http://127.0.0.1:9"}
    program = Path(sys.executable).with_name(command[0])
    done = subprocess.run([program, *command[1:]], cwd=PROJECT, env=clean, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
def test_the_wheel_holds_the_package_alone(tmp_path):
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", tmp_path],
        cwd=PROJECT,
        check=True,
        capture_output=True,
    )
    with zipfile.ZipFile(next(tmp_path.glob("*.whl"))) as wheel:
        names = wheel.namelist()
    assert {name.split("/")[0].split("-")[0] for name in names} == {"pique_assets"}
    assert "pique_assets/py.typed" in names
    assert any("ledger/migrations/versions" in name for name in names), "the ledger can't migrate without these"


def test_both_configurations_name_the_same_code_location():
    workspace = (PROJECT / "workspace.yaml").read_text()
    pyproject = (PROJECT / "pyproject.toml").read_text()
    assert "location_name: pique_assets" in workspace
    assert 'code_location_name = "pique_assets"' in pyproject

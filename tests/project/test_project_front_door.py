"""The names that packages hand on: found at first use, and the same for a type checker and for Python."""

from __future__ import annotations

import ast
import subprocess
import sys
from importlib import import_module
from importlib.metadata import version
from pathlib import Path

import pytest

import pique_assets

ROOT = Path(pique_assets.__file__).parent.parent
LAZY = [path for path in sorted(ROOT.glob("pique_assets/**/__init__.py")) if "lazy_names(" in path.read_text()]


def _shown(path: Path) -> dict[str, set[str]]:
    """What a type checker sees: names by the module they come from."""
    found: dict[str, set[str]] = {}
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            for line in (one for one in node.body if isinstance(one, ast.ImportFrom)):
                found.setdefault(str(line.module), set()).update(alias.name for alias in line.names)
    return found


@pytest.mark.parametrize("path", LAZY, ids=lambda path: path.parent.name)
def test_a_package_hands_on_what_it_shows_to_type_checkers(path):
    package = ".".join(path.parent.relative_to(ROOT).parts)
    module = import_module(package)
    assert _shown(path)
    for source, names in _shown(path).items():
        assert source.startswith(f"{package}.")
        for name in names:
            assert getattr(module, name) is getattr(import_module(source), name)


def test_a_name_that_no_package_has_is_an_attribute_error():
    with pytest.raises(AttributeError, match="'pique_assets' has no attribute 'Judges'"):
        _ = pique_assets.Judges  # type: ignore[attr-defined]


def test_the_front_door_has_what_a_code_location_needs():
    names = "Budget DatedFolder Evaluation LakeResource LedgerResource Limits Manifest MediaStorageResource"
    for name in f"{names} PiqueEvaluations PiqueResource ResultsSensor SocialUrls build_defs resources_for".split():
        assert getattr(pique_assets, name).__module__.startswith("pique_assets.")
    assert pique_assets.__version__ == version("pique_assets")


def test_to_import_a_room_costs_nothing_heavy():
    rooms = ", ".join(f"pique_assets.{path.parent.name}" for path in LAZY if path.parent.parent.name == "pique_assets")
    heavy = "{'dagster', 'sqlalchemy', 'pyarrow', 'pandas', 'httpx', 'pydantic', 'av'}"
    code = f"import pique_assets, {rooms}, sys; print({heavy} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=300)
    assert done.stdout.strip() == "set()"

"""The house's own rules, read from the source: who may import what, what public names say of themselves, how tests wait."""

from __future__ import annotations

import ast
import functools
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "engine" / "walert"
TESTS = ROOT / "tests"

DOORS: dict[str, set[str]] = {
    "yaml": {"documents/compose.py"},
    "jsonschema": {"documents/validate.py"},
    "msgspec": {"records/json_lines.py", "records/shapes.py", "store/codec.py"},
    "watchdog": {"tail/wake.py"},
    "simpleeval": {"rules/reference.py"},
    "apprise": {"deliver/apprise_door.py"},
    "requests": {"deliver/apprise_door.py"},
    "aiosmtpd": {"demo/mailbox.py"},
    "transformers": {"integrations/transformers.py"},
    "lightning": {"integrations/lightning.py"},
    "pytorch_lightning": {"integrations/lightning.py"},
    "keras": {"integrations/keras.py"},
    "xgboost": {"integrations/xgboost.py"},
    "accelerate": {"integrations/accelerate.py"},
    "ray": {"integrations/ray_tune.py"},
}
"""Third-party library -> the files of the package that may import it."""

MAY_PRINT = ("cli/", "deliver/console.py", "demo/train.py")
"""Commands, the receiver `console`, and the demo's training run, which is a program of its own."""

Definition = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


@functools.cache
def modules(folder: Path) -> dict[str, ast.Module]:
    """Every Python file below `folder`, by its path from there."""
    files = sorted(folder.rglob("*.py"))
    return {path.relative_to(folder).as_posix(): ast.parse(path.read_bytes(), str(path)) for path in files}


def imported(module: ast.Module) -> Iterator[str]:
    """The dotted names that a module imports, anywhere in it."""
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def calls(module: ast.Module, wanted: str) -> Iterator[int]:
    """The lines that call something of this name: `time.sleep(1)` and `sleep(1)` for `sleep`."""
    for node in ast.walk(module):
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if name == wanted:
                yield node.lineno


def public(body: list[ast.stmt]) -> Iterator[Definition]:
    """The public classes and functions of a module, and what is public in those classes."""
    for node in body:
        if isinstance(node, Definition) and not node.name.startswith("_"):
            yield node
            if isinstance(node, ast.ClassDef):
                yield from public(node.body)


def speaks_elsewhere(node: Definition) -> bool:
    """One more signature or a setter: the docstring stands at the definition itself."""
    names = {getattr(each, "attr", getattr(each, "id", "")) for each in node.decorator_list}
    return not names.isdisjoint({"overload", "setter"})


def test_a_third_party_library_is_imported_only_at_its_door() -> None:
    found = {
        f"{file} imports {name}"
        for file, module in modules(PACKAGE).items()
        for name in {each.partition(".")[0] for each in imported(module)} - sys.stdlib_module_names - {"walert"}
        if file not in DOORS.get(name, ())
    }
    assert found == set()


def test_every_public_name_says_what_it_is() -> None:
    silent = [
        f"{file}:{each.lineno} {each.name}"
        for file, module in modules(PACKAGE).items()
        for each in public(module.body)
        if not ast.get_docstring(each) and not speaks_elsewhere(each)
    ]
    assert silent == []


def test_every_module_says_what_it_holds() -> None:
    assert [f for f, module in modules(PACKAGE).items() if module.body and not ast.get_docstring(module)] == []


def test_only_commands_and_the_console_print() -> None:
    files = {f: module for f, module in modules(PACKAGE).items() if not f.startswith(MAY_PRINT)}
    assert [f"{file}:{line}" for file, module in files.items() for line in calls(module, "print")] == []


def test_nothing_is_left_for_later() -> None:
    later = re.compile(r"\b(TODO|FIXME|XXX|HACK|NotImplementedError)\b")
    assert [file for file in modules(PACKAGE) if later.search((PACKAGE / file).read_text(encoding="utf-8"))] == []


def test_no_test_sleeps() -> None:
    assert [f"{file}:{line}" for file, module in modules(TESTS).items() for line in calls(module, "sleep")] == []


def test_no_test_replaces_what_it_tests_by_a_mock() -> None:
    found = [f for f, module in modules(TESTS).items() if {"mock", "unittest.mock"} & set(imported(module))]
    assert found == []


def test_what_the_tests_import_is_declared() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    groups = project["dependency-groups"]
    declared = [*project["project"]["dependencies"], *groups["dev"], *groups["integrations"]]
    names = {plain(re.match(r"[\w.-]+", each)[0]) for each in declared}
    distributions = packages_distributions()
    own = {path.stem for path in TESTS.rglob("*.py")}
    found = {
        f"{file} imports {name}"
        for file, module in modules(TESTS).items()
        for name in {each.partition(".")[0] for each in imported(module)} - sys.stdlib_module_names - own - {"walert"}
        # A framework that has a hook is not installed here, and has its distribution's name.
        if names.isdisjoint(map(plain, distributions.get(name, (name,))))
    }
    assert found == set()


def plain(name: str) -> str:
    """The name of a distribution as it compares: `types-PyYAML` is `types_pyyaml`."""
    return re.sub(r"[-_.]+", "_", name).lower()


def test_no_two_test_modules_share_a_name() -> None:
    names = [path.name for path in TESTS.rglob("test_*.py")]
    assert sorted(names) == sorted(set(names)), "the folders are no packages: of two modules of one name, one hides"


@pytest.mark.parametrize("module", ["walert", "walert.client"])
def test_what_training_code_imports_is_the_standard_library_alone(module: str) -> None:
    assert loaded(f"import {module}") == {"walert"}


def test_alert_is_there_without_any_other_library() -> None:
    assert loaded("import walert; walert.alert, walert.AlertLevel, walert.init, walert.log, walert.finish") == {
        "walert"
    }


def loaded(statement: str) -> set[str]:
    """The packages outside the standard library that a statement brings in, in a Python of its own."""
    program = f"import json, sys; old = {{*sys.modules}}; {statement}; print(json.dumps([*{{*sys.modules}} - old]))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return {name.partition(".")[0] for name in json.loads(done.stdout)} - sys.stdlib_module_names

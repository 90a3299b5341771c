"""What ships, as it ships: the wheel and the sdist are built, looked into, and the installed walert is asked for its packs."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
import venv
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

pytestmark = pytest.mark.xdist_group("packaging")  # built once, by one worker

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("engine", "rules", "schemas", "tests", ".ci")
PAGES = ("README.md", "README.ja.md", "CHANGELOG.md", "LICENSE", "Makefile", "pyproject.toml")
NEVER_COPIED = ("__pycache__", "*.egg-info")
RULES = "version: 1\nrules:\n  - {title: Loss is rising, when: loss > 10}\n"


@dataclass(frozen=True)
class Built:
    """A copy of the checkout, and what was built of it."""

    source: Path
    sdist: Path
    wheel: Path


def quietly(command: list[str], folder: Path) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def build(source: Path, kind: str) -> Path:
    """Build a wheel or an sdist with the backend that pyproject.toml names; its file."""
    quietly([sys.executable, "-m", "hatchling", "build", "-t", kind, "-d", "built"], source)
    (built,) = (source / "built").glob({"wheel": "*.whl", "sdist": "*.tar.gz"}[kind])
    return built


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    source = tmp_path_factory.mktemp("packaging") / "walert"
    for folder in FOLDERS:
        shutil.copytree(ROOT / folder, source / folder, ignore=shutil.ignore_patterns(*NEVER_COPIED))
    for page in (*PAGES, ".gitignore"):
        shutil.copy(ROOT / page, source)
    return Built(source, build(source, "sdist"), build(source, "wheel"))


@pytest.fixture(scope="module")
def installed(built: Built, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `bin` of a fresh environment: the wheel, and the libraries that this one has, but not its walert."""
    home = tmp_path_factory.mktemp("installed")
    venv.create(home, symlinks=True)
    python = home / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "--no-deps", "--no-index", "--no-compile"]
    quietly([*pip, str(built.wheel)], home)
    (site,) = home.glob("lib/python*/site-packages")
    libraries = dict.fromkeys(sysconfig.get_path(kind) for kind in ("purelib", "platlib"))
    (site / "libraries.pth").write_text("".join(f"{folder}\n" for folder in libraries), encoding="utf-8")
    return home / "bin"


def in_wheel(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return {name for name in archive.namelist() if not name.endswith("/")}


def in_sdist(sdist: Path) -> set[str]:
    with tarfile.open(sdist) as archive:
        return {member.name.partition("/")[2] for member in archive if member.isfile()}


def below(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_the_wheel_holds_the_package_with_its_packs_and_schemas(built: Built) -> None:
    package = {f"walert/{name}" for name in below(built.source / "engine" / "walert")}
    data = {f"walert/data/{top}/{name}" for top in ("rules", "schemas") for name in below(built.source / top)}
    assert {"walert/py.typed", "walert/cli/__init__.py"} < package
    assert {"walert/data/rules/training.yaml", "walert/data/schemas/rules.schema.json"} < data
    assert {name for name in in_wheel(built.wheel) if ".dist-info/" not in name} == package | data


def test_the_wheel_has_the_licence_and_both_commands(built: Built) -> None:
    with zipfile.ZipFile(built.wheel) as archive:
        (entry_points,) = (name for name in archive.namelist() if name.endswith(".dist-info/entry_points.txt"))
        lines = archive.read(entry_points).decode().split("\n")
    assert {line.partition(" = ")[0] for line in lines if " = " in line} == {"walert", "walertd"}
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in in_wheel(built.wheel))


def test_the_sdist_holds_all_that_the_checkout_holds(built: Built) -> None:
    shipped = in_sdist(built.sdist)
    for folder in FOLDERS:
        assert {f"{folder}/{name}" for name in below(built.source / folder)} <= shipped
    assert shipped >= {*PAGES, "PKG-INFO"}
    assert {name.partition("/")[0] for name in shipped} == {*FOLDERS, *PAGES, "PKG-INFO", ".gitignore"}


def test_the_sdist_makes_the_same_wheel(built: Built, tmp_path: Path) -> None:
    with tarfile.open(built.sdist) as archive:
        archive.extraction_filter = getattr(tarfile, "data_filter", lambda member, _: member)  # 3.11.2 has none
        archive.extractall(tmp_path)
    (unpacked,) = tmp_path.iterdir()
    assert in_wheel(build(unpacked, "wheel")) == in_wheel(built.wheel)


def run(command: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    """Run an installed command from some folder, with nothing of the checkout at hand."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "WALERT", "XDG"))}
    environ = {**kept, "HOME": str(folder), "PATH": os.defpath}
    return subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, encoding="utf-8")


def walert(installed: Path, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return run([str(installed / "walert"), *arguments], folder)


def test_the_installed_walert_is_the_one_that_answers(installed: Path, tmp_path: Path) -> None:
    done = run([str(installed / "python"), "-c", "import walert.cli; print(walert.cli.__file__)"], tmp_path)
    assert done.stdout.startswith(str(installed.parent)), done.stderr


def test_an_installed_walert_has_its_packs(installed: Path, tmp_path: Path) -> None:
    done = walert(installed, tmp_path, "packs")
    assert (done.returncode, done.stderr) == (0, "")
    packs = sorted(path.stem for path in (ROOT / "rules").glob("*.yaml") if not path.name.endswith(".test.yaml"))
    assert [line.split()[0] for line in done.stdout.splitlines()] == [f"pack:{name}" for name in packs]


def test_an_installed_walert_has_its_schemas(installed: Path, tmp_path: Path) -> None:
    done = walert(installed, tmp_path, "schema", "--url")
    assert (done.returncode, done.stderr) == (0, "")
    names = sorted(path.name for path in (ROOT / "schemas").glob("*.schema.json"))
    assert [Path(line).name for line in done.stdout.split()] == names
    assert all(line.startswith(f"file://{installed.parent.resolve()}/") for line in done.stdout.split())


def test_an_installed_walert_tells_its_version(installed: Path, tmp_path: Path) -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    done = walert(installed, tmp_path, "--version")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"walert {version}\n", "")
    done = run([str(installed / "python"), "-c", "import walert; print(walert.__version__)"], tmp_path)
    assert (done.stdout, done.stderr) == (f"{version}\n", "")


def test_an_installed_walert_checks_rules(installed: Path, tmp_path: Path) -> None:
    (tmp_path / "rules.yaml").write_text(RULES, encoding="utf-8")
    done = walert(installed, tmp_path, "check", "rules.yaml")
    assert (done.returncode, done.stdout, done.stderr) == (0, "1 file, 1 rule: no problems\n", "")


def test_an_installed_daemon_runs_without_a_configuration(installed: Path, tmp_path: Path) -> None:
    done = run([str(installed / "walertd"), "--once"], tmp_path)
    assert done.returncode == 0, done.stderr

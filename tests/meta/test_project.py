"""The project's own rules, held to every file that is committed or about to be."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MOST_LINES = 450
LOCKS = ("requirements.txt", "requirements-dev.txt")
PIN = re.compile(
    r"^(?P<name>[\w.-]+)(?:\[[\w, -]+\])?==(?P<version>\S+)(?: ; [^\n]+)? \\\n +--hash=sha256:[0-9a-f]{64}",
    re.MULTILINE,
)

# Spelt in pieces, so that this file passes its own test.
REGISTRY_HOSTS = tuple(
    ".".join(parts)
    for parts in (
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("pypi", "python", "org"),
        ("npmjs", "org"),
        ("npmjs", "com"),
        ("yarnpkg", "com"),
        ("crates", "io"),
        ("rubygems", "org"),
        ("proxy", "golang", "org"),
        ("deb", "debian", "org"),
        ("archive", "ubuntu", "com"),
    )
)
# Brackets around one letter, for the same reason.
INSTALL_SOURCES = re.compile(r"file:/[/]|--(?:extra-)?index-url|--find-links|--trusted-host|/simple/", re.IGNORECASE)
EXCEPTION = re.compile(r"#\s*(?:no[q]a|type:\s*i[g]nore)")
EXPLAINED_EXCEPTION = re.compile(
    r"#\s*(?:no[q]a:\s*[A-Z]+\d+(?:,\s*[A-Z]+\d+)*|type:\s*i[g]nore\[[a-z, -]+\])\s*(?:#|-|–|:)\s*\w"
)
NAMED_EXCEPTION = re.compile(r"#\s*(?:no[q]a:\s*[A-Z]+\d|type:\s*i[g]nore\[)")
NOT_RUN = re.compile(r"pytest\.(?:mark\.)?(?:sk[i]p|x[f]ail|importorsk[i]p)")


def project_files() -> list[Path]:
    """Every file that git holds or would add: tracked ones that still exist, and new ones that are not ignored."""
    listing = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],  # noqa: S607 - git lies where PATH says
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    return sorted({ROOT / name for name in listing.stdout.split("\0") if name and (ROOT / name).is_file()})


def texts() -> Iterator[tuple[str, str]]:
    """Every project file that is text, as its path from the root and its content."""
    for path in project_files():
        try:
            yield str(path.relative_to(ROOT)), path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue


def modules(folder: str) -> Iterator[tuple[str, ast.Module]]:
    """Every Python file under a folder of the root, as its path from the root and its syntax tree."""
    for name, text in texts():
        if name.startswith(f"{folder}/") and name.endswith(".py"):
            yield name, ast.parse(text, filename=name)


def imported_roots(tree: ast.Module) -> set[str]:
    """The top-level names of all absolute imports of a module, wherever in it they stand."""
    nodes = list(ast.walk(tree))
    plain = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    members = {node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module and not node.level}
    return {name.partition(".")[0] for name in plain | members}


def test_no_file_names_a_registry_host() -> None:
    """No file says where packages are downloaded from: that is the installing machine's own setting."""
    found = [(name, host) for name, text in texts() for host in REGISTRY_HOSTS if host in text.lower()]
    assert found == []


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_names_no_source(lock: str) -> None:
    """A lock holds names, versions and hashes, and no index, link or file address."""
    assert INSTALL_SOURCES.findall((ROOT / lock).read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("lock", LOCKS)
def test_every_locked_package_has_hashes(lock: str) -> None:
    """Each package in a lock is pinned to one version and carries at least one SHA-256 hash."""
    blocks = re.split(r"\n(?=[a-z0-9])", (ROOT / lock).read_text(encoding="utf-8").strip(), flags=re.IGNORECASE)
    unpinned = [b.split("\n")[0] for b in blocks if not PIN.match(b)]
    assert len(blocks) > 1
    assert unpinned == []


def test_both_locks_agree() -> None:
    """What production installs is what was tested: each of its pins stands in the development lock too."""
    pins = [
        {(pin["name"], pin["version"]) for pin in PIN.finditer((ROOT / lock).read_text(encoding="utf-8"))}
        for lock in LOCKS
    ]
    assert pins[0]
    assert pins[0] - pins[1] == set()


def test_files_stay_short() -> None:
    """A file that outgrows a reader is split: none but the locks is longer than 450 lines."""
    long = {name: lines for name, text in texts() if (lines := text.count("\n")) > MOST_LINES and name not in LOCKS}
    assert long == {}


def test_every_lint_exception_has_its_reason() -> None:
    """Each rule that ruff is told to ignore, for all files or for some, says why on its own line."""
    config = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    lint = tomllib.loads(config)["tool"]["ruff"]["lint"]
    rules = [*lint["ignore"], *(rule for ignored in lint["per-file-ignores"].values() for rule in ignored)]
    explained = re.findall(r'^    "([A-Z]+[0-9]+)", +# \w.{10,}$', config, re.MULTILINE)
    assert lint["select"] == ["ALL"]
    assert sorted(explained) == sorted(rules)


def test_every_inline_exception_names_its_rule_and_reason() -> None:
    """A suppressed finding names its rule and says why, there or on the line above: a bare one hides more mistakes."""
    bare = [
        f"{name}:{number}: {line.strip()}"
        for name, text in texts()
        if name.endswith(".py")
        for number, (above, line) in enumerate(pairwise(["", *text.splitlines()]), start=1)
        if EXCEPTION.search(line)
        and not EXPLAINED_EXCEPTION.search(line)
        and not (NAMED_EXCEPTION.search(line) and (above.strip().startswith("# ") or EXPLAINED_EXCEPTION.search(above)))
    ]
    assert bare == []


def test_every_test_says_what_it_shows() -> None:
    """Each test function, methods of test classes included, has a docstring that states the behaviour."""
    silent = [
        f"{name}: {node.name}"
        for name, tree in modules("tests")
        if Path(name).name.startswith("test_")
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.name.startswith("test_")
        and not (ast.get_docstring(node) or "").strip()
    ]
    assert silent == []


def test_no_test_is_skipped() -> None:
    """No test is skipped or expected to fail: what does not hold is mended or removed."""
    assert [name for name, text in texts() if name.startswith("tests/") and NOT_RUN.search(text)] == []


def test_the_domain_needs_the_standard_library_alone() -> None:
    """Every import in the domain is the domain's own or the standard library's, also those that no contract lists."""
    allowed = sys.stdlib_module_names | {"accessbot"}
    foreign = {
        name: strange for name, tree in modules("accessbot/domain") if (strange := imported_roots(tree) - allowed)
    }
    assert foreign == {}


def test_procfile_names_the_three_processes() -> None:
    """The Procfile starts the web door, the worker and the clock by the commands that the documentation gives."""
    lines = (ROOT / "Procfile").read_text(encoding="utf-8").splitlines()
    assert lines == ["web: python app.py", "worker: accessbot worker", "clock: accessbot clock"]


def test_ci_is_a_program() -> None:
    """The script that checks a submission can be executed as it is checked out."""
    assert (ROOT / ".ci" / "run").stat().st_mode & 0o111

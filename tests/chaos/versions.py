"""Code that a plant runs: this tree, or that of another version as git has it, in a folder of its own."""

import io
import re
import shlex
import subprocess
import sys
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from tests.plant import ROOT

PROGRAMS = Path(sys.executable).parent


@dataclass(frozen=True)
class Code:
    """A tree to start processes from, and what their environment needs for that."""

    name: str = "this code"
    tree: Path = ROOT
    env: Mapping[str, str] = field(default_factory=dict)

    @property
    def manage(self) -> list[str]:
        return [sys.executable, str(self.tree / "manage.py")]

    def line_of(self, name: str) -> str:
        """How its Procfile starts a process, with our own Python."""
        lines = (self.tree / "Procfile").read_text().splitlines()
        line = next(line for line in lines if line.startswith(f"{name}: "))
        return line.removeprefix(f"{name}: ").replace(".venv/bin/", f"{shlex.quote(str(PROGRAMS))}/")


def newest_release() -> str | None:
    """The newest tag before this commit; None where there is none, or no git."""
    try:
        return _git("describe", "--tags", "--abbrev=0", "HEAD^").decode().strip()
    except (OSError, subprocess.CalledProcessError):
        return None


def exported(ref: str, tree: Path) -> Code:
    """The code of a commit, laid into a new folder and made ready as script/setup does."""
    commit = _git("rev-parse", "--verify", "--short", f"{ref}^{{commit}}").decode().strip()
    tree.mkdir()
    with tarfile.open(fileobj=io.BytesIO(_git("archive", "--format=tar", commit))) as archive:
        archive.extractall(tree, filter="data")
    subprocess.run([sys.executable, "-m", "factory.words"], cwd=tree, check=True)
    name = commit if ref.startswith(commit) else f"{ref} ({commit})"
    return Code(name, tree, _packages_gone_since(tree))


def _packages_gone_since(tree: Path) -> dict[str, str]:
    """What it needs and we do not any more: an upgrade leaves such packages where they are, so they are brought."""
    wanted = re.findall(
        r"^([\w.-]+)(?:\[.*\])?==(\S+)", (tree / "requirements.txt").read_text(), re.MULTILINE
    )
    gone = [f"{name}=={number}" for name, number in wanted if not _is_installed(name)]
    if not gone:
        return {}
    folder = tree.with_name(f"{tree.name}-packages")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    subprocess.run(
        [*pip, "--root-user-action=ignore", "--target", str(folder), *gone], check=True, capture_output=True
    )
    return {"PYTHONPATH": str(folder)}


def _is_installed(name: str) -> bool:
    try:
        version(name)
    except PackageNotFoundError:
        return False
    return True


def _git(*arguments: str) -> bytes:
    return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, check=True).stdout

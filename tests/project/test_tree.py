"""What the files of the project must not hold."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# Written in pieces, so that this file does not hold what it looks for.
REGISTRIES = re.compile("|".join([r"pypi" r"\.org", r"python" r"hosted", r"registry\." r"npmjs", r"deb\." r"debian"]))
MACHINE_PATHS = re.compile(r"(?<![\w.~/-])/(?:" r"root|work|Users/\w+|home/(?!me\b|you\b|user\b)\w+|tmp/w|opt/\w+)/")


def files() -> list[Path]:
    """The files under version control, or about to be."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True) if shutil.which("git") else None
    if listed is None or listed.returncode:
        pytest.skip("this tree is not under version control")
    paths = [ROOT / name for name in listed.stdout.split("\0") if name]
    return [path for path in paths if path.is_file()]


@pytest.mark.parametrize("unwanted", [REGISTRIES, MACHINE_PATHS], ids=["a package registry", "a folder of one machine"])
def test_no_file_names(unwanted: re.Pattern[str]) -> None:
    found = []
    for path in files():
        text = path.read_bytes().decode("utf-8", errors="replace")
        found += [f"{path.relative_to(ROOT)}: {match.group()}" for match in unwanted.finditer(text)]
    assert len(files()) > 20
    assert found == []


def test_no_file_is_large() -> None:
    assert [str(path) for path in files() if path.stat().st_size > 2_000_000] == []

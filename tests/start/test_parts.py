"""Every test is in one of the parts that `make test` runs, and in no other."""

from collections import Counter

from quality.start.testing import PARTS
from tests.server import ROOT


def files_of(arguments: tuple[str, ...]) -> list[str]:
    """The test files that pytest finds when it is told these."""
    asked = [argument for argument in arguments if not argument.startswith("--")] or ["tests"]
    ignored = [argument.removeprefix("--ignore=") for argument in arguments if "=" in argument]
    found = []
    for place in asked:
        path = ROOT / place
        files = [path] if path.is_file() else sorted(path.rglob("test_*.py"))
        found += [str(file.relative_to(ROOT)) for file in files]
    return [file for file in found if not file.startswith(tuple(ignored) or ("/",))]


def test_each_file_is_in_one_part():
    counted = Counter(file for arguments in PARTS.values() for file in files_of(arguments))
    every = {str(path.relative_to(ROOT)) for path in (ROOT / "tests").rglob("test_*.py")}
    assert counted == Counter(every)

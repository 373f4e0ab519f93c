"""In production each file has a name that changes with its content, modules of modules too."""

import os
import re
import subprocess
import sys

import pytest

from tests.quality.test_settings import PRODUCTION, ROOT


@pytest.fixture(scope="module")
def collected(tmp_path_factory):
    folder = tmp_path_factory.mktemp("static")
    subprocess.run(
        [sys.executable, "manage.py", "collectstatic", "--no-input", "--verbosity=0"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], **PRODUCTION, "STATIC_ROOT": str(folder)},
        check=True,
        timeout=300,
    )
    return folder


def test_a_page_loads_no_module_under_a_name_that_stays(collected):
    (page,) = (collected / "scans").glob("page.*.js")
    imported = re.findall(r"""from\s+["']\./([^"']+)["']""", page.read_text())
    assert len(imported) > 3
    for name in imported:
        assert re.fullmatch(r"\w+\.[0-9a-f]{12}\.js", name)
        assert (collected / "scans" / name).exists()


def test_a_module_in_a_folder_loads_a_library_by_its_hashed_name(collected):
    (charts,) = (collected / "scans" / "reports").glob("charts.*.js")
    imported = re.findall(r"""from\s+["'](\.[^"']+)["']""", charts.read_text())
    assert len(imported) == 2
    for name in imported:
        assert re.search(r"\.[0-9a-f]{12}\.js\Z", name)
        assert (charts.parent / name).resolve().exists()


def test_files_are_compressed_once_and_not_for_each_request(collected):
    assert list((collected / "scans").glob("page.*.js.gz"))

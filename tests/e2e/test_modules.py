"""The page's modules, one by one, in the browser in which they have to work, and without one."""

import os
import subprocess
from pathlib import Path

import playwright
import pytest

ROOT = Path(__file__).resolve().parents[2]
SUITES = sorted((ROOT / "tests" / "js").glob("*.test.js"))
# Its database is the browser's.
NEEDS_BROWSER = {"store.test.js"}
# Playwright brings one along.
NODE = Path(playwright.__file__).parent / "driver" / "node"


@pytest.mark.parametrize("suite", SUITES, ids=lambda path: path.name.partition(".")[0])
def test_module(open_context, suite):
    page = open_context("").new_page()
    # The tests' own files, under the same origin as the modules that they import.
    page.route(
        "**/tests/**",
        lambda route: route.fulfill(
            path=ROOT / route.request.url[route.request.url.index("/tests/") + 1 :]
        ),
    )
    page.goto("/accounts/login/")
    results = page.evaluate(
        """async (suite) => {
            await import(suite);
            return (await import("/tests/js/harness.js")).run();
        }""",
        f"/tests/js/{suite.name}",
    )
    assert results, "no test ran"
    assert [result for result in results if result["error"]] == []


def test_they_need_no_browser():
    suites = [suite for suite in SUITES if suite.name not in NEEDS_BROWSER]
    done = subprocess.run(
        [NODE, "--import", "./tests/js/node.js", "--test", *suites],
        cwd=ROOT,
        env=os.environ | {"TZ": "Europe/Bucharest"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr

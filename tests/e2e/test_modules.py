"""The page's modules, one by one, in the browser in which they have to work."""

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SUITES = sorted((ROOT / "tests" / "js").glob("*.test.js"))


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

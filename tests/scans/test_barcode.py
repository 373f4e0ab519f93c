"""Codes as scanners type them: repaired, and recognised by their pattern."""

import json
from pathlib import Path

import pytest

from scans import barcode

# The station page's JavaScript is held to the same table.
CODES = json.loads((Path(__file__).parent / "codes.json").read_text())


@pytest.mark.parametrize("case", CODES, ids=lambda case: repr(case["raw"])[:40])
def test_a_code_is_repaired_and_recognised(case):
    code = barcode.repair(case["raw"])
    assert code == case["code"]
    assert barcode.STANDARD.fields_for(code) == case["fields"]


def test_every_example_matches_its_own_pattern():
    for field, example in barcode.STANDARD.examples.items():
        assert barcode.repair(example) == example
        assert barcode.STANDARD.matches(field, example)


def test_only_ascii_digits_are_digits():
    assert not barcode.STANDARD.matches("defect", "٠٠٠")

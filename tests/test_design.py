"""The colours of the pages can be read by everybody."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
STYLES = {
    "scans": ROOT / "scans" / "static" / "scans" / "scans.css",
    "pool": ROOT / "quality" / "monitor" / "static" / "monitor" / "pool.css",
}
LEAST_CONTRAST = 4.5  # WCAG 2.2, level AA, for text

# Text, and all that it stands on.
SCANS = {
    "text": ["page", "surface", "accent-soft", "good-soft", "reject-soft", "problem-soft"],
    "soft": ["page", "surface", "accent-soft", "reject-soft", "problem-soft"],
    "accent": ["page", "surface", "accent-soft"],
    "on-accent": ["accent"],
    "on-state": ["good", "reject", "kept", "problem", "calm"],
    "good": ["page", "surface", "accent-soft"],
    "reject": ["page", "surface", "accent-soft"],
    "kept": ["page", "accent-soft"],
    "problem": ["surface", "problem-soft"],
}


POOL = {
    "text": ["surface"],
    "soft": ["surface"],
    "accent": ["surface"],
    "on-state": ["good", "reject", "calm"],
    "on-alarm": ["alarm"],
    "good": ["surface", "good-soft"],
    "reject": ["surface"],
    "problem": ["surface", "problem-soft"],
}
PAIRS = {"scans": SCANS, "pool": POOL}


def palettes(page: str) -> dict[str, dict[str, str]]:
    text = STYLES[page].read_text()
    blocks = re.findall(r"(?::root|^\.dark) \{(.*?)\}", text, re.DOTALL | re.MULTILINE)
    light, dark = (dict(re.findall(r"--([\w-]+): (#\w{6});", block)) for block in blocks)
    return {"light": light, "dark": light | dark}


def luminance(colour: str) -> float:
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return sum(weight * c for weight, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one: str, other: str) -> float:
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("page", STYLES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_has_contrast_on_all_that_it_stands_on(page, scheme):
    colours = palettes(page)[scheme]
    weak = {
        f"{text} on {ground}": round(contrast(colours[text], colours[ground]), 2)
        for text, grounds in PAIRS[page].items()
        for ground in grounds
        if contrast(colours[text], colours[ground]) < LEAST_CONTRAST
    }
    assert weak == {}


@pytest.mark.parametrize("page", STYLES)
def test_no_colour_stands_outside_the_tokens(page):
    rules = re.sub(r"(?::root|\n\.dark) \{.*?\}", "", STYLES[page].read_text(), flags=re.DOTALL)
    assert re.findall(r":[^;{]*#[0-9a-f]{3,8}\b", rules) == []

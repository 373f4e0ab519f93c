"""Draws a text as a Code 128 barcode (ISO/IEC 15417, code set B)."""

from xml.sax.saxutils import quoteattr

# By value: the widths of bar, space, bar … in modules, which add up to 11.
_WIDTHS = """
212222 222122 222221 121223 121322 131222 122213 122312 132212 221213 221312 231212 112232 122132
122231 113222 123122 123221 223211 221132 221231 213212 223112 312131 311222 321122 321221 312212
322112 322211 212123 212321 232121 111323 131123 131321 112313 132113 132311 211313 231113 231311
112133 112331 132131 113123 113321 133121 313121 211331 231131 213113 213311 213131 311123 311321
331121 312113 312311 332111 314111 221411 431111 111224 111422 121124 121421 141122 141221 112214
112412 122114 122411 142112 142211 241211 221114 413111 241112 134111 111242 121142 121241 114212
124112 124211 411212 421112 421211 212141 214121 412121 111143 111341 131141 114113 114311 411113
411311 113141 114131 311141 411131 211412 211214 211232
""".split()  # noqa: SIM905 - a table
_STOP_WIDTHS = "2331112"
_START_B = 104
_FIRST, _LAST = " ", "~"
# What has to stay white on both sides, in modules.
_QUIET = 10
# The height only has to be enough for a hand that is not steady.
_HEIGHT = 60


def check_value(text: str) -> int:
    """What follows the text, so that a misread one is noticed: a weighted sum modulo 103."""
    values = _values(text)
    return (_START_B + sum(place * value for place, value in enumerate(values, 1))) % 103


def svg(text: str, *, module_mm: float = 0.4) -> str:
    """The barcode as an SVG element, each module so wide on paper. Raises ValueError."""
    bars, at = [], _QUIET
    for widths in _symbols(text):
        for place, width in enumerate(map(int, widths)):
            if place % 2 == 0:
                bars.append(f"M{at} 0h{width}v{_HEIGHT}h-{width}z")
            at += width
    width = at + _QUIET
    # Its own colours: a barcode is black on white, on a dark page too.
    return (
        f'<svg class="barcode" role="img" aria-label={quoteattr(text)}'
        f' width="{width * module_mm:.1f}mm" height="{_HEIGHT * module_mm:.1f}mm"'
        f' viewBox="0 0 {width} {_HEIGHT}" shape-rendering="crispEdges">'
        f'<path fill="#fff" d="M0 0h{width}v{_HEIGHT}h-{width}z"/>'
        f'<path fill="#000" d="{"".join(bars)}"/></svg>'
    )


def _values(text: str) -> list[int]:
    if not text or not all(_FIRST <= char <= _LAST for char in text):
        raise ValueError(
            f"Code 128 B holds one or more of the characters from space to ~: {text!r}."
        )
    return [ord(char) - ord(_FIRST) for char in text]


def _symbols(text: str) -> list[str]:
    values = [_START_B, *_values(text), check_value(text)]
    return [*(_WIDTHS[value] for value in values), _STOP_WIDTHS]

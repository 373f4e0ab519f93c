"""Shows a statement without what it was asked with."""

import re

# Texts (also one that the server cut), numbers and what stands in comments.
_LITERALS = re.compile(
    r"""
      (?: \b [xXbBnN] )? ' (?: [^'\\] | \\. | '' )* (?: ' | \Z | \\\Z )
    | " (?: [^"\\] | \\. | "" )* (?: " | \Z | \\\Z )
    | /\* .*? (?: \*/ | \Z )
    | (?: --\s | \# ) [^\n]*
    | (?<! [\w`$] ) (?: 0[xX][0-9a-fA-F]+ | \d+ (?: \.\d* )? (?: [eE][-+]?\d+ )? ) \b
    """,
    re.VERBOSE | re.DOTALL,
)
# IN (?, ?, ?) and VALUES (?, ?), (?, ?): a thousand of them say no more than one.
_LISTS = re.compile(r"\?(?:\s*,\s*\?)+")
LONGEST_TEXT = 300


def without_literals(sql: str, *, longest: int = LONGEST_TEXT) -> str:
    """The statement on one line, with "?" for each literal, cut to `longest`."""
    text = _LISTS.sub("?, …", _LITERALS.sub("?", sql))
    text = " ".join(text.split())
    return text if len(text) <= longest else f"{text[: longest - 1]}…"

"""A statement is shown without anybody's data."""

import pytest

from quality.monitor.statements import without_literals


@pytest.mark.parametrize(
    ("sql", "shown"),
    [
        ("SELECT * FROM a WHERE b = 'it''s' AND c = 12", "SELECT * FROM a WHERE b = ? AND c = ?"),
        (r"""SELECT 'it\'s', "x\"y", 'b\\'""", "SELECT ?, …"),
        ("SELECT t1.c2 FROM t1 WHERE x IN (1, 2,3)", "SELECT t1.c2 FROM t1 WHERE x IN (?, …)"),
        ("SELECT -1.5e3, 0xFF, x'00', _utf8mb4'a'", "SELECT -?, …, _utf8mb4?"),
        ("SELECT 1 /* a secret */ -- and another\n, 2", "SELECT ? ? ?, …"),
        # The server cuts what is long, perhaps within a text.
        ("UPDATE a SET b = 'half a sec", "UPDATE a SET b = ?"),
        ("UPDATE a\n   SET b=0", "UPDATE a SET b=?"),
        ("SELECT `a1`.`1b` FROM `a1`", "SELECT `a1`.`1b` FROM `a1`"),
    ],
)
def test_literals_are_left_out(sql, shown):
    assert without_literals(sql) == shown


def test_it_is_cut():
    text = without_literals("SELECT " + ", ".join(f"column_{n}" for n in range(100)))
    assert len(text) == 300
    assert text.endswith("…")

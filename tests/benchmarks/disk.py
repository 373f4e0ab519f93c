"""What scans take on the disk, and what it takes to seal them and to write them down elsewhere."""

import gzip
import subprocess
import time
from typing import Any

from django.db import connection

from quality.devdb.configuration import find_program

# What grows with the scans: as the columns of a table, in MB.
TABLES = {
    "scans_scan": "scans",
    "scans_event": "voids",
    "scans_incident": "incidents",
    "scans_rollup": "roll-ups",
    "scans_shiftrollup": "roll-ups",
    "scans_seal": "seals",
}
CHUNK_BYTES = 1 << 20


def sealed_seconds() -> float:
    """Seal all that there is."""
    from scans.keeping.sealing import seal_now

    began = time.perf_counter()
    seal_now()
    return time.perf_counter() - began


def megabytes() -> dict[str, float]:
    """By what it is; as the server's own statistics say, which are renewed before."""
    with connection.cursor() as cursor:
        cursor.execute(f"ANALYZE TABLE {', '.join(TABLES)}")
        cursor.fetchall()
        cursor.execute(
            "SELECT table_name, data_length, index_length FROM information_schema.tables "
            "WHERE table_schema = DATABASE()"
        )
        sizes = {name: (data / 1e6, index / 1e6) for name, data, index in cursor.fetchall()}
    found = {"scans, MB": sizes["scans_scan"][0], "indexes of scans, MB": sizes["scans_scan"][1]}
    for table, name in TABLES.items():
        if table != "scans_scan":
            label = f"{name}, MB"
            found[label] = found.get(label, 0.0) + sum(sizes[table])
    return found | {"all tables, MB": sum(map(sum, sizes.values()))}


def dumped() -> dict[str, float]:
    """A dump of all, compressed as gzip does; nothing where there is no mariadb-dump."""
    program = find_program("mariadb-dump")
    if program is None:
        return {}
    login: dict[str, Any] = connection.get_connection_params()
    command = [
        *(program, "--no-defaults", "--single-transaction", "--quick"),
        *(f"--socket={login['unix_socket']}", f"--user={login['user']}", login["database"]),
    ]
    plain = packed = 0
    began = time.perf_counter()
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, env={"MYSQL_PWD": login["password"]}
    ) as child:
        assert child.stdout is not None
        while chunk := child.stdout.read(CHUNK_BYTES):
            plain += len(chunk)
            packed += len(gzip.compress(chunk, 6))
    if child.returncode != 0:
        raise RuntimeError(f"mariadb-dump: exit code {child.returncode}")
    return {
        "dump, MB": plain / 1e6,
        "dump, compressed, MB": packed / 1e6,
        "dumped and compressed, s": time.perf_counter() - began,
    }

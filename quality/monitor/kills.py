"""Ends a statement at the server, over a connection of its own."""

from contextlib import closing

from quality.monitor.server import connector


def kill_statement(connection_id: int, *, running_seconds: float) -> bool:
    """Kill what this connection of our own account has been running for so long.

    Its connection lives on, and whoever waits for it gets an error. False: it has ended, or it
    is not ours. Only what has run for at least that long can be what the caller saw; a younger
    one is another statement. Raises MySQLdb.Error.
    """
    with closing(connector()()) as connection, closing(connection.cursor()) as cursor:
        cursor.execute(
            "SELECT ID FROM information_schema.PROCESSLIST WHERE ID = %s AND COMMAND <> 'Sleep' "
            "AND TIME >= %s AND USER = SUBSTRING_INDEX(USER(), '@', 1) AND ID <> CONNECTION_ID()",
            (connection_id, int(running_seconds)),
        )
        if cursor.fetchone() is None:
            return False
        cursor.execute("KILL QUERY %s", (connection_id,))
        return True

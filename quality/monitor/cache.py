"""Asks the cache whether it is there."""

from contextlib import closing

from redis import Redis, RedisError

# Each of its steps; who asks has one second.
ANSWER_SECONDS = 0.3


def probe(url: str) -> Exception | None:
    """Sign in and leave again; returns the error that stood in the way, if any."""
    client = Redis.from_url(
        url, socket_connect_timeout=ANSWER_SECONDS, socket_timeout=ANSWER_SECONDS
    )
    with closing(client):
        try:
            client.ping()
        except RedisError as error:
            return error
    return None

"""How long a connection may live and be idle: as the options say, or less if the server does."""

import logging
from typing import TYPE_CHECKING

from quality.pool.options import PoolOptions

if TYPE_CHECKING:
    from quality.pool.sessions import Session

logger = logging.getLogger("quality.pool")

# Nothing is kept for longer than this share of the server's wait_timeout.
WAIT_TIMEOUT_SHARE = 0.9

# How long a new connection may take to say how long it may be idle.
ANSWER_SECONDS = 5.0


class Lifetimes:
    """In seconds. longest: of a connection; idle: unwanted; keepalive: unasked."""

    def __init__(self, alias: str, options: PoolOptions) -> None:
        self.longest = options.max_lifetime
        self.idle = options.max_idle
        self.keepalive = options.keepalive
        self._alias = alias
        self._options = options
        self._knows_server = False

    def learn(self, session: "Session") -> None:
        """Ask the server, once, when it closes idle connections.

        Raises MySQLdb.Error when it does not answer.
        """
        if self._knows_server:
            return
        answer = session.ask(b"SELECT @@wait_timeout", within_seconds=ANSWER_SECONDS)
        self._knows_server = True
        options, most = self._options, WAIT_TIMEOUT_SHARE * float(answer)
        self.longest = min(options.max_lifetime, most)
        self.idle = min(options.max_idle, most)
        # Each question starts the server's clock anew. One may be late, or get lost.
        self.keepalive = min(options.keepalive, most / 2)
        if most < max(options.max_lifetime, options.max_idle):
            logger.warning(
                "%s: the server closes what is idle for %s s (wait_timeout), so max_lifetime "
                "(%g s) and max_idle (%g s) count as %g s at most. Lower them in OPTIONS['pool'], "
                "or raise the server's wait_timeout.",
                *(self._alias, answer, options.max_lifetime, options.max_idle, most),
            )

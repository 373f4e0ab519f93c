"""What a client has said so far: heard without waiting, and looked at before a thread is given."""

import socket
from typing import Any
from urllib.parse import unquote_to_bytes

# gunicorn does not document it; it is pinned.
from gunicorn.util import split_request_uri

from quality.sockets import NOW

# What is longer is read by whoever answers it.
LONGEST_BYTES = 16 * 1024

_PEEK_NOW = NOW | int(socket.MSG_PEEK)

_HEAD_END = b"\r\n\r\n"
# How much follows; or that only the end tells, or that it is sent when we ask for it.
_LENGTH = b"\r\ncontent-length:"
_UNTOLD = (b"\r\ntransfer-encoding:", b"\r\nexpect:")
_MOST_DIGITS = 10

HASHING_PATH, NOT_HASHING_PATH = b"/accounts/", b"/accounts/logout/"


def hashes(request: bytes) -> bool:
    """Whether a POST asks for a password to be hashed, however its address is written."""
    path = request.split(b" ", 2)[1]
    if b"%" in path or not path.startswith(b"/"):
        try:
            path = unquote_to_bytes(split_request_uri(path.decode("latin-1")).path)
        except ValueError:  # for gunicorn to refuse
            return False
    return path.startswith(HASHING_PATH) and not path.startswith(NOT_HASHING_PATH)


def hear(conn: Any) -> tuple[bytes, bool]:
    """Read what has come, and put it where the parser will find it; whether there is an end."""
    unreader = conn.parser.unreader
    try:
        heard: bytes = conn.sock.recv(LONGEST_BYTES, NOW)
    except BlockingIOError:
        return unreader.buf.getvalue(), False
    except OSError:  # for the ordinary way to find out
        heard = b""
    read: bytes = unreader.take_buffered()
    if read or heard:
        unreader.unread(read + heard)
    return read + heard, not heard


def has_hung_up(conn: Any) -> bool:
    try:
        ahead: bytes = conn.sock.recv(1, _PEEK_NOW)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return not ahead


def length_of(request: bytes) -> int | None:
    """The bytes of a request that begins so; None while that is not to be seen."""
    end = request.find(_HEAD_END)
    if end < 0:
        return None
    length = end + len(_HEAD_END)
    head = request[:end].lower()
    if any(header in head for header in _UNTOLD):
        length += LONGEST_BYTES
    if (start := head.find(_LENGTH)) >= 0:
        told = head[start + len(_LENGTH) :].split(b"\r\n", 1)[0].strip()
        if told.isdigit():
            # What nobody sends is long too: whoever says so sends nothing more, and a thread waits.
            length += int(told) if len(told) <= _MOST_DIGITS else LONGEST_BYTES
    return length

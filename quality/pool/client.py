"""The command-line client for a server that is reached through OPTIONS["unix_socket"]."""

from collections.abc import Iterable
from typing import Any

from django.db.backends.mysql import client


def with_socket_as_host(settings_dict: dict[str, Any]) -> dict[str, Any]:
    """`settings_dict` with its OPTIONS["unix_socket"], if any, as HOST.

    MySQLdb understands both; what Django starts as a command understands HOST alone.
    """
    socket = settings_dict["OPTIONS"].get("unix_socket")
    return {**settings_dict, "HOST": socket, "PORT": ""} if socket else settings_dict


class DatabaseClient(client.DatabaseClient):
    """`manage.py dbshell`."""

    @classmethod
    def settings_to_cmd_args_env(
        cls, settings_dict: dict[str, Any], parameters: Iterable[str]
    ) -> tuple[list[str], dict[str, str] | None]:
        """Django's own, for sockets too."""
        return super().settings_to_cmd_args_env(with_socket_as_host(settings_dict), parameters)

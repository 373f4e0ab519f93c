"""Test databases: made and dropped without a pool that still points at them."""

from typing import TYPE_CHECKING, Any

from django.db.backends.mysql import creation

from quality.pool.client import with_socket_as_host

if TYPE_CHECKING:
    from quality.pool.base import DatabaseWrapper


# The stubs don't know the methods that other backends override.
_Stock: Any = creation.DatabaseCreation


class DatabaseCreation(_Stock):
    """Django's own, and the pool lets go of a database that is dropped."""

    connection: "DatabaseWrapper"

    def _destroy_test_db(self, test_database_name: str, verbosity: int) -> None:
        self.connection.close_pool()
        super()._destroy_test_db(test_database_name, verbosity)

    def _clone_db(self, source_database_name: str, target_database_name: str) -> None:
        # Django starts mysqldump with the settings of its connection, and knows no socket
        # in OPTIONS. A copy of the connection can have other settings without harm.
        copy = self.connection.copy()
        copy.settings_dict = with_socket_as_host(copy.settings_dict)
        _Stock(copy)._clone_db(source_database_name, target_database_name)

"""Serves developers: a private MariaDB."""

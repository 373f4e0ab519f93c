"""What goes wrong with a backup."""


class BackupError(Exception):
    """What could not be done, with which file or database, and what to do about it."""

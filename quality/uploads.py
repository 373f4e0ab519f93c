"""Refuses what is too large to be anybody's file, before it fills a disk."""

from typing import Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.core.files.uploadhandler import FileUploadHandler


class Limit(FileUploadHandler):
    """The first of the handlers; what it lets through the others keep.

    Django limits what a form holds beside its files, and how many they are. How long they are it
    leaves to the server, and anybody may send a form: to sign in.
    """

    def handle_raw_input(
        self,
        input_data: Any,
        META: dict[str, Any],  # noqa: N803 - Django's name
        content_length: int,
        boundary: Any,
        encoding: str | None = None,
    ) -> None:
        longest = settings.UPLOAD_MAX_BYTES
        if content_length > longest:
            raise RequestDataTooBig(f"A form with files has at most {longest} bytes.")

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes:
        return raw_data

    def file_complete(self, file_size: int) -> None:
        return None

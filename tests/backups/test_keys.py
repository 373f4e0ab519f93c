"""BACKUP_KEY is read as people write it, and is not repeated where it is wrong."""

import pytest
from django.core.exceptions import ImproperlyConfigured

from quality.backups.keys import new_key, read_keys


def test_a_new_key_is_read_with_its_comment():
    keys = read_keys(new_key())
    assert keys.encrypt
    assert keys.open_their_own


def test_no_key_is_no_encryption():
    assert not read_keys("").encrypt
    assert read_keys("").open_their_own


@pytest.mark.parametrize(
    "text", ["secret", "age1x", f"{new_key().split()[-1]}X", "# only a comment"]
)
def test_what_is_no_key_is_refused_and_not_told(text):
    with pytest.raises(ImproperlyConfigured, match="BACKUP_KEY") as refused:
        read_keys(text)
    assert text not in str(refused.value)

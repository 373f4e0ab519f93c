"""What `make lock` has pinned installs where nothing is yet, whatever came out since."""

from importlib.metadata import requires

import pytest
from pip._vendor.packaging.requirements import Requirement
from pip._vendor.packaging.utils import canonicalize_name

from quality.environment import BASE_DIR


def _pinned(name: str) -> list[Requirement]:
    lines = (BASE_DIR / "requirements" / f"{name}.txt").read_text().splitlines()
    return [Requirement(line.rstrip(" \\")) for line in lines if line[:1].isalnum()]


@pytest.mark.parametrize("name", ["base", "dev"])
def test_what_is_asked_for_with_an_extra_is_pinned_with_it(name):
    # Else pip looks for `name[extra]` by itself, and refuses the newest as one without a hash.
    pinned = _pinned(name)
    extras = {canonicalize_name(one.name): one.extras for one in _pinned("base") + pinned}
    for one in pinned:
        for text in requires(one.name) or []:
            asked = Requirement(text)
            contexts = [{"extra": extra} for extra in ("", *one.extras)]
            if asked.marker and not any(asked.marker.evaluate(each) for each in contexts):
                continue
            missing = asked.extras - extras[canonicalize_name(asked.name)]
            assert not missing, f"{one.name} asks for {asked}"

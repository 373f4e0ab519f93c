"""Finds templates of this house that cannot be compiled, whose pages would answer 500.

Django compiles a template when its page is first asked for.
"""

import os
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.core import checks
from django.core.management import execute_from_command_line
from django.template import engines
from django.template.loader_tags import ExtendsNode, IncludeNode

SUFFIXES = (".html", ".txt")


def broken(app_configs: object, **options: object) -> list[checks.CheckMessage]:
    """As a system check, but of none that commands begin with: a backup needs no pages."""
    found: list[checks.CheckMessage] = []
    for engine in engines.all():
        for name in _own_names(engine):
            try:
                # By the loaders, as pages do: from the folder that wins, in its encoding.
                _compile(engine, name)
            except Exception as error:  # noqa: BLE001 - a tag's own code is called, too
                found.append(checks.Error(f"{type(error).__name__}: {error}", obj=name))
    return found


def _own_names(engine: Any) -> Iterator[str]:
    """Not what libraries bring: we pin it, and some is for other libraries that we have not."""
    libraries = Path(sysconfig.get_path("purelib")).resolve()
    for folder in map(Path, engine.template_dirs):
        if not folder.resolve().is_relative_to(libraries):
            for path in sorted(folder.rglob("*")):
                # Editors leave others behind, under names of their own.
                if path.suffix in SUFFIXES and not path.name.startswith("."):
                    yield path.relative_to(folder).as_posix()


def _compile(engine: Any, name: str) -> None:
    nodes = engine.get_template(name).template.nodelist
    for node in nodes.get_nodes_by_type((ExtendsNode, IncludeNode)):
        other: Any = node.parent_name if isinstance(node, ExtendsNode) else node.template
        # Looked for as late as the page is drawn. What is a variable is known only then.
        if isinstance(other.var, str):
            engine.get_template(other.var)


def main() -> None:
    """Django's own checks and this one, in one process."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "quality.settings")
    checks.register(broken, checks.Tags.templates)
    execute_from_command_line([sys.argv[0], "check"])


if __name__ == "__main__":
    main()

"""Leaves out of Alertmanager's configuration whom nobody has named."""

import re

_BLOCK = re.compile(r"^ *# if (\w+)\n(.*?)^ *# end\n", re.MULTILINE | re.DOTALL)


def routes(template: str, there: set[str], site_url: str) -> str:
    """`template` without the blocks `# if NAME` … `# end` of secrets that are not there.

    Alertmanager would start with them, and log an error at each alert.
    """
    text = _BLOCK.sub(lambda block: block[2] if block[1] in there else "", template)
    return text.replace("SITE_URL", site_url)

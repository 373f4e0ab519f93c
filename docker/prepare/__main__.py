"""Puts what each service needs to start where it reads it: secrets, and what follows from them."""

import argparse
import os
import sys
from pathlib import Path

from handing import hand_out
from keeping import Refused, gather
from routing import routes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--given", type=Path, required=True, help="what people give")
    parser.add_argument("--kept", type=Path, required=True, help="what is made once")
    parser.add_argument("--to", type=Path, required=True, help="a folder for each reader")
    parser.add_argument("--routes", type=Path, default=Path("/routes/alertmanager.yml"))
    told = parser.parse_args()
    try:
        values, made = gather(told.given, told.kept)
        template = told.routes.read_text()
        hand_out(values, routes(template, set(values), os.environ["SITE_URL"]), told.to)
    except (Refused, OSError) as error:
        sys.exit(f"prepare: {error}")
    given = ", ".join(sorted(values.keys() & {path.name for path in told.given.glob("*")}))
    print(f"prepare: made {', '.join(made) or 'nothing new'}; given: {given or 'nothing'}.")


main()

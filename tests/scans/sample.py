"""A scan as a station sends it."""

import json
from typing import Any
from uuid import uuid4


def payload(**changes: Any) -> dict[str, Any]:
    """A good scan with a fresh id; `changes` replace fields, None takes one away."""
    scan = {
        "id": str(uuid4()),
        "operator": "OP0001",
        "cp": "CP10045821-0001",
        "oc1": "OC01",
        "oc2": "OC11",
        "defect": "000",
        "scanned_at": "2026-11-20T14:05:09.123+02:00",
    } | changes
    return {name: value for name, value in scan.items() if value is not None}


def post(client: Any, body: Any, path: str = "/scans/", **headers: str) -> Any:
    """What a station is answered; the body is JSON, or whatever bytes or text are given."""
    content = body if isinstance(body, bytes | str) else json.dumps(body)
    return client.post(path, content, content_type="application/json", headers=headers)

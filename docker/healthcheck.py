"""Ends with 0 when the site in this container is alive, else with what is wrong."""

import http.client
import os
import sys

# http.client, because urllib would ask the proxy that a container's environment may name.
try:
    connection = http.client.HTTPConnection("127.0.0.1", int(os.environ["PORT"]), timeout=4)
    connection.request("GET", "/health/live")
    status = connection.getresponse().status
except (OSError, http.client.HTTPException) as error:
    sys.exit(f"/health/live cannot be reached on port {os.environ['PORT']}: {error}")
sys.exit(None if status == 200 else f"/health/live answers {status}")

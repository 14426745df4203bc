"""An endpoint on this host that lists models, and says which of them it will shut down."""

from __future__ import annotations

import json
import threading
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer


@contextmanager
def listing(models: Mapping[str, str | None]) -> Generator[str]:
    """The base URL of an endpoint that lists ``models`` as they are when it is asked: name to shutdown date."""

    class Models(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            rows = [
                {"id": name, "object": "model", "created": 1, "owned_by": "x", "shutdown_date": day}
                for name, day in models.items()
            ]
            body = json.dumps({"object": "list", "data": rows}).encode()
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Models)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()

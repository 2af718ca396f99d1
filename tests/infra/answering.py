"""A process for tests: it answers 200 on a port, says so, and ends on SIGTERM. Options make it die or stay silent."""

import http.server
import signal
import sys
import time

if __name__ == "__main__":
    port, *options = sys.argv[1:]
    print(f"answering on {port} {options}", flush=True)
    if "die" in options:
        sys.exit("there is no model here")
    if "silent" in options:
        time.sleep(600)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))

    class Handler(http.server.BaseHTTPRequestHandler):
        """200 for everything."""

        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()

    http.server.HTTPServer(("127.0.0.1", int(port)), Handler).serve_forever()

"""Clients of S3 that keep what their default chain found to themselves: their first request shows it.

pyarrow is the AWS SDK for C++, obstore is Rust's object_store, opendal is Rust's reqsign.
"""
import re
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

from until_renewed import until_renewed

keys = []


class Bucket(BaseHTTPRequestHandler):
    """Knows no object, and remembers who asked."""

    def do_GET(self):
        keys.extend(re.findall(r"Credential=(\w+)/", self.headers.get("Authorization", "")))
        self.send_response(404)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_HEAD = do_GET

    def log_message(self, *_):
        pass


def with_pyarrow(port):
    from pyarrow.fs import S3FileSystem

    files = S3FileSystem(endpoint_override=f"127.0.0.1:{port}", scheme="http", region="eu-west-1")
    return lambda: files.get_file_info("bucket/key")


def with_obstore(port):
    from obstore import head
    from obstore.store import S3Store

    options = {"allow_http": True}
    store = S3Store("bucket", endpoint=f"http://127.0.0.1:{port}", region="eu-west-1",
                    client_options=options)
    return lambda: head(store, "key")


def with_opendal(port):
    from opendal import Operator

    bucket = Operator("s3", bucket="bucket", endpoint=f"http://127.0.0.1:{port}",
                      region="eu-west-1")
    return lambda: bucket.stat("key")


def main():
    server = HTTPServer(("127.0.0.1", 0), Bucket)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    clients = {"pyarrow": with_pyarrow, "obstore": with_obstore, "opendal": with_opendal}
    request = clients[sys.argv[1]](server.server_port)

    def key():
        """There is no such object; what counts is whose signature the request had."""
        before = len(keys)
        fault = None
        try:
            request()
        except Exception as error:
            fault = error
        if len(keys) == before:
            sys.exit(f"no request was signed: {fault}")
        return keys[-1]

    until_renewed(key)


main()

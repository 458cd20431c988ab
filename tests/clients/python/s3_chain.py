"""Clients of S3 that keep what their default chain found to themselves: their requests show it.

pyarrow is the AWS SDK for C++, obstore is Rust's object_store, opendal is Rust's reqsign, rclone has
an older AWS SDK for Go.
"""
import atexit
import os
import re
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from glob import glob
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


def with_rclone(port):
    """Serves the bucket, so that one process keeps the credentials from request to request."""
    with HTTPServer(("127.0.0.1", 0), Bucket) as free:
        address = f"127.0.0.1:{free.server_port}"
    remote = f":s3,provider=Other,env_auth,region=eu-west-1,endpoint='http://127.0.0.1:{port}'"
    once = ["--retries", "1", "--low-level-retries", "1", "--dir-cache-time", "0s"]
    serving = subprocess.Popen(["rclone", "serve", "http", f"{remote}:bucket", "--addr", address, *once])
    atexit.register(serving.kill)
    while serving.poll() is None:
        try:
            socket.create_connection(address.split(":")).close()
            break
        except ConnectionRefusedError:
            time.sleep(0.1)
    return lambda: urllib.request.urlopen(f"http://{address}/", timeout=20)


def under_own_clock():
    """Starts again with libfaketime: the SDK for C++ renews by age, every five minutes."""
    if "FAKETIME_TIMESTAMP_FILE" in os.environ:
        return
    path = os.environ["TEST_RENEWAL"] + "-clock"
    with open(path, "w") as clock:
        clock.write("+0")
    library = glob("/usr/lib/*/faketime/libfaketime.so.1")[0]
    os.environ.update(LD_PRELOAD=library, FAKETIME_TIMESTAMP_FILE=path, FAKETIME_NO_CACHE="1")
    os.execv(sys.executable, sys.orig_argv)


def grow_older():
    with open(os.environ["FAKETIME_TIMESTAMP_FILE"], "w") as clock:
        clock.write("+360")


def main():
    ages = sys.argv[1] == "pyarrow" and "TEST_RENEWAL" in os.environ
    if ages:
        under_own_clock()
    server = HTTPServer(("127.0.0.1", 0), Bucket)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    clients = {"pyarrow": with_pyarrow, "obstore": with_obstore, "opendal": with_opendal,
               "rclone": with_rclone}
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

    until_renewed(key, grow_older if ages else None)


main()

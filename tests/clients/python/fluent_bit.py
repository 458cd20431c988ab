"""Fluent Bit's requests for credentials, byte for byte as its AWS plugins send them (version 4,
src/aws/flb_aws_imds.c and flb_http_client.c); Debian has no package of it. It tells IMDSv2 from
IMDSv1 by a token that it knows to be invalid, and gives up on any answer but 401 or 200.
Prints the access key that it would use."""
import json
import socket

ROLES = "/latest/meta-data/iam/security-credentials/"
TOKEN = "X-aws-ec2-metadata-token"


def exchange(method, path, header, value):
    """One request on a connection of its own; status and body."""
    lines = [
        f"{method} {path} HTTP/1.1",
        "Host: 169.254.169.254:80",
        "Content-Length: 0",
        "User-Agent: aws-fluent-bit-plugin",
        f"{header}: {value}",
        "",
        "",
    ]
    with socket.create_connection(("169.254.169.254", 80), timeout=1) as connection:
        connection.sendall("\r\n".join(lines).encode())
        answer = b""
        while b"\r\n\r\n" not in answer:
            answer += connection.recv(4096) or quit_with("no answer")
        head, body = answer.split(b"\r\n\r\n", 1)
        headers = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])
        while len(body) < int(headers[b"content-length"]):
            body += connection.recv(4096) or quit_with("the answer is cut short")
    return int(head.split()[1]), body.decode()


def quit_with(problem):
    raise SystemExit(f"fluent bit: {problem}")


def must(method, path, header, value):
    status, body = exchange(method, path, header, value)
    return body if status == 200 else quit_with(f"{path}: {status} {body}")


if exchange("GET", "/", TOKEN, "INVALID")[0] != 401:
    quit_with("unable to evaluate IMDS version")
token = must("PUT", "/latest/api/token", "X-aws-ec2-metadata-token-ttl-seconds", "21600")
role = must("GET", ROLES, TOKEN, token)
print(json.loads(must("GET", ROLES + role, TOKEN, token))["AccessKeyId"])

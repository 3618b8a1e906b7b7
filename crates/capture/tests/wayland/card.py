#!/usr/bin/env python3
"""Passes a Wayland client's messages to and from a compositor, and pretends that its screens can be copied into a graphics card, too.

The portal of wlroots 0.7 shares nothing where a compositor names no format for that, which none does on a machine without a
card. It is only named here, and never used, since the portal sees as well that there is no card to get memory from. Arguments: the
compositor's socket, and the one to listen on. Says a JSON line once it listens.
"""

import array
import json
import os
import select
import socket
import struct
import sys

MANAGER = b"zwlr_screencopy_manager_v1\0"
# Requests, and events of a copy.
DISPLAY, GET_REGISTRY, BIND, CAPTURE_OUTPUT, CAPTURE_REGION = 1, 1, 0, 0, 1
BUFFER, LINUX_DMABUF, BUFFER_DONE = 0, 5, 6
XRGB8888 = 0x34325258


class Way:
    """One direction of a connection. Whole messages go on, with the descriptors that came until then."""

    def __init__(self, source, sink, look):
        self.source, self.sink, self.look = source, sink, look
        self.bytes = b""

    def carry(self):
        read, beside, _, _ = self.source.recvmsg(65536, socket.CMSG_SPACE(28 * 4))
        descriptors = array.array("i")
        for level, kind, content in beside:
            if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                descriptors.frombytes(content)
        self.bytes += read
        whole = b""
        while len(self.bytes) >= 8:
            target, head = struct.unpack_from("=II", self.bytes)
            length = head >> 16
            if len(self.bytes) < length:
                break
            whole += self.look(target, head & 0xffff, self.bytes[:length])
            self.bytes = self.bytes[length:]
        # Descriptors may run ahead of the message that names them, but must not come after it.
        if whole:
            rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, descriptors)] if descriptors else []
            sent = self.sink.sendmsg([whole], rights)
            self.sink.sendall(whole[sent:])
        elif descriptors:
            raise SystemExit("descriptors without a message")
        for descriptor in descriptors:
            os.close(descriptor)
        return bool(read)


class Passage:
    def __init__(self, client, compositor):
        self.registries, self.managers, self.copies = set(), set(), {}
        self.ways = {client: Way(client, compositor, self.asked), compositor: Way(compositor, client, self.told)}

    def asked(self, target, opcode, message):
        number = lambda at: struct.unpack_from("=I", message, at)[0]
        if (target, opcode) == (DISPLAY, GET_REGISTRY):
            self.registries.add(number(8))
        elif target in self.registries and opcode == BIND and message[16:].startswith(MANAGER):
            self.managers.add(number(len(message) - 4))
        elif target in self.managers and opcode in (CAPTURE_OUTPUT, CAPTURE_REGION):
            self.copies[number(8)] = None
        return message

    def told(self, target, opcode, message):
        if target in self.copies and opcode == BUFFER:
            self.copies[target] = struct.unpack_from("=II", message, 12)
        elif target in self.copies and opcode == BUFFER_DONE:
            body = struct.pack("=III", XRGB8888, *self.copies.pop(target))
            return struct.pack("=II", target, (8 + len(body)) << 16 | LINUX_DMABUF) + body + message
        return message

    def close(self):
        for end in self.ways:
            end.close()


def main(compositor, name):
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(name)
    listener.listen()
    print(json.dumps({"listens": name}), flush=True)
    passages = {}
    while True:
        for ready in select.select([listener, *passages], [], [])[0]:
            if ready is listener:
                far = socket.socket(socket.AF_UNIX)
                far.connect(compositor)
                near = listener.accept()[0]
                passages[near] = passages[far] = Passage(near, far)
            elif passage := passages.get(ready):
                try:
                    goes_on = passage.ways[ready].carry()
                except OSError:
                    goes_on = False
                if not goes_on:
                    passage.close()
                    passages = {end: other for end, other in passages.items() if other is not passage}


main(*sys.argv[1:])

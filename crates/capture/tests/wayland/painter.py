#!/usr/bin/env python3
"""A Wayland client for tests: one window of four coloured quarters, on a compositor that gives it the whole screen.

Speaks the wire protocol itself (wl_shm, xdg_shell, wlr's virtual pointer), so that nothing but Python is needed. On standard input, a
command a line, each answered by a JSON line once the compositor has taken it:
  paint RRGGBB RRGGBB RRGGBB RRGGBB   the quarters: upper left, upper right, lower left, lower right
  patch X Y WIDTH HEIGHT RRGGBB       a rectangle over them, the rest reported as unchanged
  point X Y                           moves the pointer there; over the window it is a square of CURSOR, its corner at the point
A size that the compositor gives is answered with {"size": [WIDTH, HEIGHT]}, and the window painted anew.
"""

import array
import json
import os
import select
import socket
import struct
import sys

CURSOR = "ff00ff"
CURSOR_SIDE = 32
XRGB8888 = 1
DISPLAY, REGISTRY = 1, 2


def say(**event):
    print(json.dumps(event), flush=True)


class Painter:
    def __init__(self):
        folder, name = os.environ["XDG_RUNTIME_DIR"], os.environ["WAYLAND_DISPLAY"]
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(os.path.join(folder, name))
        self.last_id = REGISTRY
        self.known = {DISPLAY: "display", REGISTRY: "registry"}
        self.globals = {}
        self.bytes = b""
        self.size = None
        self.quarters = ["000000"] * 4
        self.patches = []
        self.answers = {}

    def new(self, kind):
        self.last_id += 1
        self.known[self.last_id] = kind
        return self.last_id

    def send(self, target, opcode, *words, text=None, then=(), descriptor=None):
        """Whole numbers, then a text, then whole numbers again: all there is in what we ask."""
        body = b"".join(struct.pack("=i" if word < 0 else "=I", word) for word in words)
        if text is not None:
            raw = text.encode() + b"\0"
            body += struct.pack("=I", len(raw)) + raw + b"\0" * (-len(raw) % 4)
        body += b"".join(struct.pack("=I", word) for word in then)
        message = struct.pack("=II", target, (8 + len(body)) << 16 | opcode) + body
        beside = []
        if descriptor is not None:
            beside = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [descriptor]))]
        self.socket.sendmsg([message], beside)

    def bind(self, interface, version, kind):
        number = self.globals[interface]
        bound = self.new(kind)
        self.send(REGISTRY, 0, number, text=interface, then=(version, bound))
        return bound

    def sync(self, answer):
        callback = self.new("callback")
        self.answers[callback] = answer
        self.send(DISPLAY, 0, callback)

    def start(self):
        self.send(DISPLAY, 1, REGISTRY)
        self.sync(self.open)
        self.run()

    def open(self):
        self.compositor = self.bind("wl_compositor", 4, "compositor")
        self.shm = self.bind("wl_shm", 1, "shm")
        self.shell = self.bind("xdg_wm_base", 1, "shell")
        self.seat = self.bind("wl_seat", 1, "seat")
        manager = self.bind("zwlr_virtual_pointer_manager_v1", 1, "pointers")
        self.mouse = self.new("mouse")
        self.send(manager, 0, 0, self.mouse)
        self.pointer = None
        self.surface = self.new("surface")
        self.send(self.compositor, 0, self.surface)
        self.role = self.new("role")
        self.send(self.shell, 2, self.role, self.surface)
        self.top = self.new("top")
        self.send(self.role, 1, self.top)
        self.send(self.top, 2, text="four quarters")
        self.send(self.surface, 6)

    def attach(self, surface, width, height, rows, damage):
        pixels = b"".join(rows)
        memory = os.memfd_create("picture")
        with os.fdopen(memory, "wb") as file:
            file.write(pixels)
            file.flush()
            pool, buffer = self.new("pool"), self.new("buffer")
            self.send(self.shm, 0, pool, len(pixels), descriptor=memory)
        self.send(pool, 0, buffer, 0, width, height, width * 4, XRGB8888)
        self.send(pool, 1)
        self.send(surface, 1, buffer, 0, 0)
        self.send(surface, 9, *damage)
        self.send(surface, 6)

    def paint(self, damage=None):
        width, height = self.size
        word = lambda colour: bytes.fromhex(colour)[::-1] + b"\0"
        left = width // 2
        halves = [word(self.quarters[at]) * left + word(self.quarters[at + 1]) * (width - left) for at in (0, 2)]
        rows = [halves[0]] * (height // 2) + [halves[1]] * (height - height // 2)
        for x, y, across, down, colour in self.patches:
            for row in range(y, min(y + down, height)):
                line = bytearray(rows[row])
                line[x * 4:(x + across) * 4] = word(colour) * across
                rows[row] = bytes(line[:width * 4])
        self.attach(self.surface, width, height, rows, damage or (0, 0, width, height))

    def draw_cursor(self, serial):
        surface = self.new("surface")
        self.send(self.compositor, 0, surface)
        row = (bytes.fromhex(CURSOR)[::-1] + b"\0") * CURSOR_SIDE
        self.attach(surface, CURSOR_SIDE, CURSOR_SIDE, [row] * CURSOR_SIDE, (0, 0, CURSOR_SIDE, CURSOR_SIDE))
        self.send(self.pointer, 0, serial, surface, 0, 0)

    def obey(self, line):
        order, *values = line.split()
        if order == "paint":
            self.quarters, self.patches = values, []
            self.paint()
        elif order == "patch":
            *place, colour = values
            place = [int(value) for value in place]
            self.patches.append((*place, colour))
            self.paint(place)
        elif order == "point":
            width, height = self.size
            self.send(self.mouse, 1, 0, int(values[0]), int(values[1]), width, height)
            self.send(self.mouse, 4)
        self.sync(lambda: say(done=line))

    def hear(self, kind, target, opcode, body):
        word = lambda at: struct.unpack_from("=I", body, at)[0]
        if kind == "display" and opcode == 0:
            raise SystemExit(f"object {word(0)}, error {word(4)}: {body[12:].rstrip(bytes(1)).decode()}")
        elif kind == "registry" and opcode == 0:
            length = word(4)
            self.globals[body[8:8 + length - 1].decode()] = word(0)
        elif kind == "callback":
            self.answers.pop(target)()
        elif kind == "shell":
            self.send(self.shell, 3, word(0))
        elif kind == "top" and opcode == 0:
            if word(0) and word(4):
                self.offered = (word(0), word(4))
        elif kind == "top" and opcode == 1:
            raise SystemExit
        elif kind == "role":
            self.send(self.role, 4, word(0))
            offered = getattr(self, "offered", (640, 480))
            if offered != self.size:
                self.size, self.patches = offered, []
                self.paint()
                self.sync(lambda: say(size=offered))
        elif kind == "buffer":
            self.send(target, 0)
        elif kind == "seat" and opcode == 0:
            if word(0) & 1 and self.pointer is None:
                self.pointer = self.new("pointer")
                self.send(self.seat, 0, self.pointer)
        elif kind == "pointer" and opcode == 0:
            self.draw_cursor(word(0))

    def run(self):
        ready = {self.socket, sys.stdin}
        typed = b""
        while True:
            for source in select.select(ready, [], [])[0]:
                if source is sys.stdin:
                    read = os.read(sys.stdin.fileno(), 4096)
                    if not read:
                        return
                    typed += read
                    *lines, typed = typed.split(b"\n")
                    for line in lines:
                        self.obey(line.decode())
                    continue
                read = self.socket.recv(65536)
                if not read:
                    return
                self.bytes += read
                while len(self.bytes) >= 8:
                    target, head = struct.unpack_from("=II", self.bytes)
                    length, opcode = head >> 16, head & 0xffff
                    if len(self.bytes) < length:
                        break
                    body, self.bytes = self.bytes[8:length], self.bytes[length:]
                    self.hear(self.known.get(target), target, opcode, body)


Painter().start()

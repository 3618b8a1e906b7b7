#!/usr/bin/env python3
"""xdg-desktop-portal's ScreenCast, as far as a client sees it, for tests.

The first argument says how the person answers: `allow`, `deny`, `dismiss` (the dialog ends otherwise) or `ponder` (never).
A real PipeWire can be shared by naming its socket and a node of it in two more; without them nobody speaks at the other end.
Says as JSON lines what it is asked. `close` on standard input ends the sharing as the person would from the desktop;
`hang-up` closes PipeWire's end of the connection that was handed out.
"""

import json
import socket
import sys

import dbus
import dbus.service
from dbus.mainloop.glib import DBusGMainLoop
from gi.repository import GLib

NAME = "org.freedesktop.portal.Desktop"
PATH = "/org/freedesktop/portal/desktop"
SCREEN_CAST = "org.freedesktop.portal.ScreenCast"
CODES = {"allow": 0, "deny": 1, "dismiss": 2}


def say(**event):
    print(json.dumps(event), flush=True)


class Request(dbus.service.Object):
    @dbus.service.signal("org.freedesktop.portal.Request", signature="ua{sv}")
    def Response(self, code, results):
        pass


class Session(dbus.service.Object):
    @dbus.service.signal("org.freedesktop.portal.Session", signature="a{sv}")
    def Closed(self, details):
        pass

    @dbus.service.method("org.freedesktop.portal.Session")
    def Close(self):
        say(asked="Close")


class Portal(dbus.service.Object):
    def __init__(self, bus, answer, pipewire=None, node=42):
        super().__init__(bus, PATH)
        self.bus = bus
        self.answer = answer
        self.pipewire = pipewire
        self.node = int(node)
        self.session = None
        self.far_end = None

    def respond(self, sender, options, code, results):
        token = str(options["handle_token"])
        path = f"{PATH}/request/{sender[1:].replace('.', '_')}/{token}"
        request = Request(self.bus, path)

        def emit():
            request.Response(dbus.UInt32(code), dbus.Dictionary(results, signature="sv"))
            request.remove_from_connection()

        GLib.idle_add(emit)
        return dbus.ObjectPath(path)

    @dbus.service.method(SCREEN_CAST, in_signature="a{sv}", out_signature="o", sender_keyword="sender")
    def CreateSession(self, options, sender):
        path = f"{PATH}/session/{sender[1:].replace('.', '_')}/{options['session_handle_token']}"
        self.session = Session(self.bus, path)
        return self.respond(sender, options, 0, {"session_handle": dbus.String(path)})

    @dbus.service.method(SCREEN_CAST, in_signature="oa{sv}", out_signature="o", sender_keyword="sender")
    def SelectSources(self, session, options, sender):
        say(asked="SelectSources", types=int(options["types"]), cursor_mode=int(options["cursor_mode"]),
            multiple=bool(options["multiple"]))
        return self.respond(sender, options, 0, {})

    @dbus.service.method(SCREEN_CAST, in_signature="osa{sv}", out_signature="o", sender_keyword="sender")
    def Start(self, session, parent, options, sender):
        say(asked="Start")
        if self.answer == "ponder":
            return dbus.ObjectPath(f"{PATH}/request/{sender[1:].replace('.', '_')}/{options['handle_token']}")
        stream = dbus.Struct((dbus.UInt32(self.node), dbus.Dictionary({}, signature="sv")), signature="ua{sv}")
        streams = dbus.Array([stream], signature="(ua{sv})")
        return self.respond(sender, options, CODES[self.answer], {"streams": streams})

    @dbus.service.method(SCREEN_CAST, in_signature="oa{sv}", out_signature="h")
    def OpenPipeWireRemote(self, session, options):
        if self.pipewire:
            near = socket.socket(socket.AF_UNIX)
            near.connect(self.pipewire)
        else:
            near, self.far_end = socket.socketpair()
        say(asked="OpenPipeWireRemote")
        return dbus.types.UnixFd(near)

    @dbus.service.method("org.freedesktop.DBus.Properties", in_signature="ss", out_signature="v")
    def Get(self, interface, name):
        return {"AvailableCursorModes": dbus.UInt32(7), "version": dbus.UInt32(4)}[name]

    @dbus.service.method("org.freedesktop.DBus.Properties", in_signature="s", out_signature="a{sv}")
    def GetAll(self, interface):
        return {"AvailableCursorModes": dbus.UInt32(7), "version": dbus.UInt32(4)}

    def hear(self, source, _condition):
        line = source.readline().strip()
        if line == "close":
            self.session.Closed(dbus.Dictionary({}, signature="sv"))
        elif line == "hang-up":
            self.far_end.close()
        return bool(line)


DBusGMainLoop(set_as_default=True)
session_bus = dbus.SessionBus()
name = dbus.service.BusName(NAME, session_bus)
portal = Portal(session_bus, *sys.argv[1:])
GLib.io_add_watch(sys.stdin, GLib.IO_IN | GLib.IO_HUP, portal.hear)
say(ready=True)
GLib.MainLoop().run()

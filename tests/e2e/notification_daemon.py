"""A notification daemon and tray host for tests, on the session bus named by DBUS_SESSION_BUS_ADDRESS.

It shows nothing. Each thing that happens is one JSON object a line on standard output, under `event`:
  ready                                        the names are ours
  notify   id app replaces icon summary body actions hints expire
  close    id                                  the program withdrew it
  tray     service                             an icon was registered
  menu     labels                              answer to `menu`
Lines on standard input make it act as a person would:
  invoke ID KEY      click a button
  dismiss ID         close a notification
  menu               read the tray icon's menu
  choose LABEL       choose an entry of that menu

Usage: notification_daemon.py [--capabilities actions,body,body-markup] [--tray]
"""

import argparse
import json
import os
import sys

import dbus
import dbus.mainloop.glib
import dbus.service
from gi.repository import GLib

NOTIFICATIONS = "org.freedesktop.Notifications"
WATCHER = "org.kde.StatusNotifierWatcher"
ITEM = "org.kde.StatusNotifierItem"
MENU = "com.canonical.dbusmenu"


def plain(value):
    """A D-Bus value as JSON has it."""
    if isinstance(value, dbus.Boolean):
        return bool(value)
    if isinstance(value, (dbus.Byte, int)):
        return int(value)
    if isinstance(value, float):
        return float(value)
    if isinstance(value, dict):
        return {str(key): plain(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(entry) for entry in value]
    return str(value)


def tell(event, **fields):
    print(json.dumps({"event": event, **fields}), flush=True)


class Notifications(dbus.service.Object):
    def __init__(self, bus, capabilities):
        self.name = dbus.service.BusName(NOTIFICATIONS, bus)
        super().__init__(self.name, "/org/freedesktop/Notifications")
        self.capabilities = capabilities
        self.last = 0

    @dbus.service.method(NOTIFICATIONS, in_signature="susssasa{sv}i", out_signature="u")
    def Notify(self, app, replaces, icon, summary, body, actions, hints, expire):
        if not replaces:
            self.last += 1
        number = int(replaces) or self.last
        tell("notify", id=number, app=plain(app), replaces=plain(replaces), icon=plain(icon), summary=plain(summary),
             body=plain(body), actions=plain(actions), hints=plain(hints), expire=plain(expire))
        return number

    @dbus.service.method(NOTIFICATIONS, in_signature="u")
    def CloseNotification(self, number):
        tell("close", id=int(number))
        self.NotificationClosed(number, 3)

    @dbus.service.method(NOTIFICATIONS, out_signature="as")
    def GetCapabilities(self):
        return dbus.Array(self.capabilities, signature="s")

    @dbus.service.method(NOTIFICATIONS, out_signature="ssss")
    def GetServerInformation(self):
        return ("test daemon", "Bellbird", "1", "1.2")

    @dbus.service.signal(NOTIFICATIONS, signature="uu")
    def NotificationClosed(self, number, reason):
        pass

    @dbus.service.signal(NOTIFICATIONS, signature="us")
    def ActionInvoked(self, number, key):
        pass


class Watcher(dbus.service.Object):
    """The tray host: remembers the last icon that registered."""

    def __init__(self, bus):
        self.bus = bus
        self.name = dbus.service.BusName(WATCHER, bus)
        super().__init__(self.name, "/StatusNotifierWatcher")
        self.service = None

    @dbus.service.method(WATCHER, in_signature="s")
    def RegisterStatusNotifierItem(self, service):
        self.service = str(service)
        tell("tray", service=self.service)

    @dbus.service.method(dbus.PROPERTIES_IFACE, in_signature="ss", out_signature="v")
    def Get(self, interface, name):
        return {"IsStatusNotifierHostRegistered": dbus.Boolean(True), "ProtocolVersion": dbus.Int32(0)}.get(
            str(name), dbus.Array([], signature="s"))

    def entries(self):
        """(id, label) of every entry of the icon's menu."""
        item = dbus.Interface(self.bus.get_object(self.service, "/StatusNotifierItem"), dbus.PROPERTIES_IFACE)
        path = item.Get(ITEM, "Menu")
        self.menu = dbus.Interface(self.bus.get_object(self.service, path), MENU)
        _, (_, _, children) = self.menu.GetLayout(0, -1, dbus.Array([], signature="s"))
        return [(int(child[0]), str(child[1].get("label", ""))) for child in children]

    def choose(self, label):
        for number, text in self.entries():
            if text == label:
                self.menu.Event(number, "clicked", dbus.String("", variant_level=1), dbus.UInt32(0))


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--capabilities", default="actions,body,body-markup")
    arguments.add_argument("--tray", action="store_true")
    options = arguments.parse_args()

    dbus.mainloop.glib.DBusGMainLoop(set_as_default=True)
    bus = dbus.SessionBus()
    notifications = Notifications(bus, [word for word in options.capabilities.split(",") if word])
    watcher = Watcher(bus) if options.tray else None
    loop = GLib.MainLoop()

    pending = bytearray()

    def obey(_source, _condition):
        # Read unbuffered: a line left in a buffer of Python's would not wake the loop again.
        chunk = os.read(sys.stdin.fileno(), 65536)
        if not chunk:
            loop.quit()
            return False
        pending.extend(chunk)
        while b"\n" in pending:
            line, _, rest = bytes(pending).partition(b"\n")
            pending[:] = rest
            act(line.decode())
        return True

    def act(line):
        verb, _, rest = line.partition(" ")
        if verb == "invoke":
            number, key = rest.split(" ", 1)
            notifications.ActionInvoked(dbus.UInt32(int(number)), key)
        elif verb == "dismiss":
            notifications.NotificationClosed(dbus.UInt32(int(rest)), 2)
        elif verb == "menu":
            tell("menu", labels=[label for _, label in watcher.entries()])
        elif verb == "choose":
            watcher.choose(rest)

    GLib.io_add_watch(sys.stdin, GLib.IO_IN | GLib.IO_HUP, obey)
    tell("ready")
    loop.run()


if __name__ == "__main__":
    main()

"""A desktop in the browser: an X server that speaks VNC on a socket of its own, a window manager with a terminal, and noVNC in front of
them. Ends when one of the two that everything depends on ends."""

import argparse
import os
import pathlib
import signal
import subprocess
import sys
import time

options = argparse.ArgumentParser()
options.add_argument("--socket", required=True)
options.add_argument("--size", required=True)
given = options.parse_args()

screen = "/tmp/rfb.sock"
for left in (given.socket, screen):
    pathlib.Path(left).unlink(missing_ok=True)

# The index is the page of the desktop, already connecting.
pages = pathlib.Path("/tmp/pages")
pages.mkdir(mode=0o700, exist_ok=True)
for entry in pathlib.Path("/usr/share/novnc").iterdir():
    link = pages / entry.name
    if not link.is_symlink():
        link.symlink_to(entry)
(pages / "index.html").unlink(missing_ok=True)
(pages / "index.html").write_text(
    '<!doctype html><meta charset="utf-8"><title>Desktop</title>'
    '<meta http-equiv="refresh" content="0; url=vnc.html?autoconnect=1&amp;resize=remote&amp;path=websockify">'
)

server = subprocess.Popen(
    ["Xtigervnc", ":1", "-rfbport", "-1", "-rfbunixpath", screen, "-rfbunixmode", "384"]
    + ["-SecurityTypes", "None", "-AlwaysShared", "-geometry", given.size, "-depth", "24", "-nolisten", "tcp"]
)
for _ in range(300):
    if os.path.exists(screen) or server.poll() is not None:
        break
    time.sleep(0.1)
windows = {**os.environ, "DISPLAY": ":1"}
subprocess.Popen(["openbox"], env=windows)
subprocess.Popen(["xterm", "-fa", "Monospace", "-fs", "11"], env=windows, cwd=os.environ["HOME"])
gate = subprocess.Popen(
    [sys.executable, "-m", "websockify", "--unix-listen", given.socket, "--unix-target", screen]
    + ["--web", str(pages), "--heartbeat", "30"]
)


def stop(*_):
    gate.terminate()
    server.terminate()


signal.signal(signal.SIGTERM, stop)
signal.signal(signal.SIGINT, stop)
while gate.poll() is None and server.poll() is None:
    time.sleep(0.5)
stop()
sys.exit(gate.wait() or server.wait())

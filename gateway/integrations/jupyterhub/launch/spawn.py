"""Starts one person's notebook server: started by the hub, stays as long as the server runs.

What to start is in plan.json beside this file, written by the gateway: argument lists only, no shell. This process stays
between hub and server because bubblewrap must die with its parent, but a server must survive a restart of the hub; and because
a signal to bubblewrap itself would kill the server instead of letting it end its kernels.
"""

import asyncio
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.parse

# Isolated from everything else, this interpreter does not look beside the script by itself.
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import accounts  # noqa: E402
import ways  # noqa: E402


def main():
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "plan.json"), encoding="utf-8") as file:
        plan = json.load(file)
    user = os.environ["JUPYTERHUB_USER"]
    # The name becomes part of paths; the hub's own check is not relied on.
    if not re.fullmatch(r"[a-z][a-z0-9]{0,29}", user):
        sys.exit("refused to start a server for a name that is not a Knot username")

    areas = ask_areas(plan["areas"], user) if plan.get("areas") else {}
    teams = {team["name"]: team["folder"] for team in areas.get("teams", [])}
    port = str(urllib.parse.urlsplit(os.environ.get("JUPYTERHUB_SERVICE_URL", "")).port)

    def fill(text):
        if areas.get("private"):
            text = text.replace("%KNOT_PRIVATE%", areas["private"]).replace("%KNOT_SHARED%", areas["shared"])
        return text.replace(plan["placeholder"], user)

    os.umask(0o077)
    end_first()
    own = [fill(folder) for folder in plan["folders"]]
    shared = [fill(folder) for folder in plan["shared"]] + list(teams.values())
    for folder in own + shared:
        os.makedirs(folder, mode=0o700, exist_ok=True)
    account = accounts.account_of(plan["accounts"], user, own) if plan["accounts"] else None
    accounts.give(own, account)
    if account:
        accounts.share(shared, account)
    who = f"{account.uid}:{account.gid}" if account else "same"
    own_ways = plan.get("ways")
    inside = [pair.replace("%KNOT_PORT%", port) for pair in own_ways["inside"]] if own_ways else []
    program = plan["program"] + [who, ",".join(inside)] + sys.argv[1:]
    environment = dict(os.environ, **{name: fill(value) for name, value in plan["environment"].items()})
    visible = {name: f"/files/team/{name}" if plan["sandbox"] else folder for name, folder in teams.items()}
    environment["KNOT_TEAM_DIRS"] = json.dumps(visible)
    if not plan["sandbox"]:
        os.execve(program[0], program, environment)
    sandbox = [fill(part) for part in plan["sandbox"]]
    # Before its own folders are closed.
    binds = [part for name, folder in teams.items() for part in ("--bind", folder, visible[name])]
    place = sandbox.index("--remount-ro")
    sandbox[place:place] = ["--dir", "/files/team", *binds] if teams else []
    lead_in(f"tcp:{port}", f"unix:{fill(own_ways['socket'])}")
    sys.exit(supervise(sandbox, program, environment, accounts.names(user, account)))


def ask_areas(path, user):
    """Where the person's files are now, from the gateway; it may be starting again at this moment."""
    for attempt in range(100):
        try:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(30)
                connection.connect(path)
                connection.sendall(user.encode() + b"\n")
                with connection.makefile("rb") as answer:
                    text = answer.read()
        except (ConnectionError, FileNotFoundError):
            time.sleep(0.2)
            continue
        areas = json.loads(text) if text else None
        if areas is None:
            sys.exit("Knot does not know where this person's files are; its log says why")
        return areas
    sys.exit("Knot does not answer where this person's files are")


def lead_in(source, target):
    """Hub and proxy know the server by its port, as everywhere; nothing else on this machine's loopback is somebody's program."""

    async def serve(listening):
        server = await ways.listen(source, target)
        listening.set()
        await server.serve_forever()

    listening = threading.Event()
    threading.Thread(target=lambda: asyncio.run(serve(listening)), daemon=True).start()
    if not listening.wait(10):
        sys.exit(f"cannot listen at {source}")


def end_first():
    """Where memory is short Linux ends notebooks before the gateway (proc_pid_oom_score_adj(5))."""
    try:
        with open("/proc/self/oom_score_adj", "w", encoding="ascii") as file:
            file.write("500")
    except OSError:
        pass  # Another system, or more than that already.


def supervise(sandbox, program, environment, names):
    """Runs the program in the sandbox, which ends with "--"; `names` are the files that say there who is who."""
    read_end, write_end = os.pipe()
    passed = [write_end]
    options = ["--info-fd", str(write_end)]
    binds = []
    for path, text in names.items():
        passed.append(in_memory(text))
        binds += ["--perms", "0644", "--ro-bind-data", str(passed[-1]), path]
    place = sandbox.index("--remount-ro")
    command = [sandbox[0], *options, *sandbox[1:place], *binds, *sandbox[place:], *program]
    server = subprocess.Popen(command, env=environment, pass_fds=passed)
    for number in passed:
        os.close(number)
    wanted = []

    def forward(number, _frame):
        wanted.append(number)
        for pid in children_of(inner):
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                pass

    inner = None
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, forward)
    with os.fdopen(read_end, encoding="utf-8") as info:
        try:
            inner = json.load(info)["child-pid"]
        except ValueError:
            pass  # bubblewrap has ended with a message of its own.
    for number in list(wanted):
        forward(number, None)
    code = server.wait()
    return code if code >= 0 else 128 - code


def in_memory(text):
    """A file descriptor that reads as this text; nothing is left on the disk."""
    read_end, write_end = os.pipe()
    with os.fdopen(write_end, "w", encoding="utf-8") as file:
        file.write(text)
    return read_end


def children_of(parent):
    """Processes directly below the sandbox's first process, which itself ignores signals."""
    if parent is None:
        return []
    children = []
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            with open(f"/proc/{name}/stat", encoding="latin-1") as file:
                fields = file.read().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == parent:
            children.append(int(name))
    return children


main()

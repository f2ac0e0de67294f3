"""Starts one person's notebook server: started by the hub, stays as long as the server runs.

What to start is in plan.json beside this file, written by the gateway: argument lists only, no shell. This process stays
between hub and server because bubblewrap must die with its parent, but a server must survive a restart of the hub; and because
a signal to bubblewrap itself would kill the server instead of letting it end its kernels.
"""

import json
import os
import re
import signal
import subprocess
import sys

# Isolated from everything else, this interpreter does not look beside the script by itself.
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import accounts  # noqa: E402


def main():
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "plan.json"), encoding="utf-8") as file:
        plan = json.load(file)
    user = os.environ["JUPYTERHUB_USER"]
    # The name becomes part of paths; the hub's own check is not relied on.
    if not re.fullmatch(r"[a-z][a-z0-9]{0,29}", user):
        sys.exit("refused to start a server for a name that is not a Knot username")

    def fill(text):
        return text.replace(plan["placeholder"], user)

    os.umask(0o077)
    end_first()
    own = [fill(folder) for folder in plan["folders"]]
    for folder in own + plan["shared"]:
        os.makedirs(folder, mode=0o700, exist_ok=True)
    account = accounts.account_of(plan["accounts"], user, own) if plan["accounts"] else None
    accounts.give(own, account)
    if account:
        accounts.share(plan["shared"], account)
    who = f"{account.uid}:{account.gid}" if account else "same"
    program = plan["program"] + [who] + sys.argv[1:]
    environment = dict(os.environ, **{name: fill(value) for name, value in plan["environment"].items()})
    if not plan["sandbox"]:
        os.execve(program[0], program, environment)
    sys.exit(supervise([fill(part) for part in plan["sandbox"]], program, environment, accounts.names(user, account)))


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
    command = [sandbox[0], *options, *sandbox[1:-1], *binds, "--", *program]
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

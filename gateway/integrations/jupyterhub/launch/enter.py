"""The first program inside the sandbox, or without one where there is none: becomes the person, makes the links to the file
areas and becomes the server.

Called as `enter.py ACCOUNT WAYS ARGUMENT…`; ACCOUNT is UID:GID, or `same` to stay who this is; WAYS are the arguments of ways.py with
commas between, or nothing.
"""

import json
import os
import resource
import stat
import sys


def become(account):
    """Gives up root for good, before anything of the person's is touched."""
    if account == "same":
        return
    uid, gid = map(int, account.split(":"))
    os.setgroups([])
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)
    # Readable for the group: a file moved to the shared folder can be read there.
    os.umask(0o027)


def bound_processes():
    """A program that starts itself again and again takes what one person may have, not what the machine has. Counted by account,
    or by sandbox (getrlimit(2), RLIMIT_NPROC); threads count too, so it is far above what notebooks need."""
    most = 8192
    _soft, hard = resource.getrlimit(resource.RLIMIT_NPROC)
    most = most if hard == resource.RLIM_INFINITY else min(most, hard)
    resource.setrlimit(resource.RLIMIT_NPROC, (most, most))


def open_ways(pairs):
    """The network here is this server's own: what leads in and out of it stays beside the server, and ends with it."""
    if not pairs:
        return
    program = os.path.join(os.path.dirname(os.path.abspath(__file__)), "ways.py")
    read_end, write_end = os.pipe()
    os.posix_spawn(
        sys.executable,
        [sys.executable, "-I", "-S", program, *pairs.split(",")],
        os.environ,
        file_actions=[(os.POSIX_SPAWN_DUP2, write_end, 1), (os.POSIX_SPAWN_CLOSE, read_end)],
    )
    os.close(write_end)
    if os.read(read_end, 1) != b".":
        sys.exit("the ways to the hub could not be opened")
    os.close(read_end)


def link(name, target):
    """~/files/NAME leads to a file area. What somebody put there themselves is left alone."""
    path = os.path.join(os.environ["HOME"], "files", name)
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        if os.path.islink(path) and os.readlink(path) != target:
            os.unlink(path)
        if not os.path.lexists(path):
            os.symlink(target, path)
    except OSError as error:
        print(f"cannot link {path}: {error}", file=sys.stderr)


def link_teams(teams):
    """~/files/team/NAME for each team of now; links of earlier ones go."""
    folder = os.path.join(os.environ["HOME"], "files/team")
    if os.path.isdir(folder) and not os.path.islink(folder):
        for name in os.listdir(folder):
            path = os.path.join(folder, name)
            if name not in teams and os.path.islink(path):
                os.unlink(path)
    for name, target in teams.items():
        link(f"team/{name}", target)


def runtime_folder():
    """Where kernels have their sockets: the person's own, and short, because the path of a socket has at most 107 bytes
    (unix(7); 103 on macOS), and Jupyter's names take 50 of them."""
    folder = os.environ.get("JUPYTER_RUNTIME_DIR") or os.path.join(os.environ["HOME"], ".local/share/jupyter/runtime")
    if len(os.fsencode(folder)) > 103 - 50:
        folder = f"/tmp/knot-{os.geteuid()}-{os.environ['KNOT_USER']}"
    os.makedirs(folder, mode=0o700, exist_ok=True)
    # Anybody may have made a folder in /tmp before.
    found = os.lstat(folder)
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        sys.exit(f"{folder} belongs to somebody else")
    os.chmod(folder, 0o700)
    return folder


become(sys.argv[1])
bound_processes()
open_ways(sys.argv[2])
os.environ["JUPYTER_RUNTIME_DIR"] = runtime_folder()
link("private", os.environ["KNOT_PRIVATE_DIR"])
link("shared", os.environ["KNOT_SHARED_DIR"])
link_teams(json.loads(os.environ.get("KNOT_TEAM_DIRS", "{}")))
os.makedirs(os.environ["PIP_TARGET"], exist_ok=True)
os.chdir(os.environ["HOME"])
os.execv(sys.executable, [sys.executable, "-W", "ignore", "-m", "jupyterhub.singleuser", *sys.argv[3:]])

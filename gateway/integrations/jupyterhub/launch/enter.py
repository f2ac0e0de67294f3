"""Runs as the person, inside the sandbox when there is one: makes the links to the file areas and becomes the server."""

import os
import sys


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


link("private", os.environ["KNOT_PRIVATE_DIR"])
link("shared", os.environ["KNOT_SHARED_DIR"])
os.makedirs(os.environ["PIP_TARGET"], exist_ok=True)
os.chdir(os.environ["HOME"])
os.execv(sys.executable, [sys.executable, "-W", "ignore", "-m", "jupyterhub.singleuser", *sys.argv[1:]])

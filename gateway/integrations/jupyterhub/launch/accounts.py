"""Accounts of the operating system for people: when the gateway is root, nobody's notebook server runs as root.

Each person gets a number (uid) once and keeps it; all have one group, by which the shared folder is everybody's. The numbers
are in a file of the data folder. They need no entry in /etc/passwd: the sandbox is told who is who (`names`).
"""

import collections
import contextlib
import errno
import fcntl
import grp
import json
import os
import pwd
import struct
import sys

Account = collections.namedtuple("Account", "uid gid")


def account_of(facts, user, own):
    """The account of a person, allotted now if there is none yet. `facts`: file, first number, how many."""
    with open(facts["file"] + ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        record = read(facts["file"])
        if user not in record["people"]:
            taken = {record["group"], *record["people"].values()}
            # A record that was lost does not lead to a second number, nor to one that owns somebody's files already.
            owner = os.lstat(own[0]).st_uid
            homes = os.path.dirname(own[0])
            owners = {os.lstat(os.path.join(homes, name)).st_uid for name in os.listdir(homes)}
            numbers = range(facts["first"], facts["first"] + facts["count"])
            if record["group"] is None:
                record["group"] = next(n for n in numbers if not is_known(grp.getgrgid, n) and n not in owners)
                taken.add(record["group"])
            if owner not in numbers or owner in taken:
                free = (n for n in numbers if n not in taken and n not in owners and not is_known(pwd.getpwuid, n))
                owner = next(free, None)
            if owner is None:
                sys.exit("no account is left for this person: raise integrations.jupyterhub.accounts.count in knot.yaml")
            record["people"][user] = owner
            write(facts["file"], record)
        return Account(record["people"][user], record["group"])


def read(path):
    try:
        with open(path, encoding="utf-8") as file:
            return json.load(file)
    except FileNotFoundError:
        return {"group": None, "people": {}}


def write(path, record):
    with open(path + ".new", "w", encoding="utf-8") as file:
        json.dump(record, file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    os.replace(path + ".new", path)


def is_known(look_up, number):
    """True when the machine has such an account or group for something else."""
    try:
        look_up(number)
        return True
    except KeyError:
        return False


def give(folders, account):
    """Makes folders and all in them a person's own (of the gateway's account when there is none for people).

    The folder itself comes last: it tells whether the rest is done, also when this was interrupted. Links are not followed.
    """
    uid = account.uid if account else os.geteuid()
    if os.geteuid() != 0:
        return
    for top in folders:
        if os.lstat(top).st_uid == uid and os.lstat(top).st_mode & 0o777 == 0o700:
            continue
        gid = account.gid if account else -1
        for _path, names, files, folder in os.fwalk(top, topdown=False):
            for name in names + files:
                with gone():
                    os.chown(name, uid, gid, dir_fd=folder, follow_symlinks=False)
        os.chmod(top, 0o700)
        os.chown(top, uid, gid, follow_symlinks=False)


def share(folders, account):
    """Makes folders readable and writable for everybody's group, what was made in them before too."""
    for top in folders:
        if os.lstat(top).st_gid == account.gid:
            continue
        for _path, names, files, folder in os.fwalk(top, topdown=False):
            for name in files + names:
                with gone():
                    share_entry(name, account.gid, folder)
        share_entry(top, account.gid, None)


def share_entry(name, gid, folder):
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
    try:
        number = os.open(name, flags, dir_fd=folder)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENXIO):
            return  # A link has no rights of its own; a socket nobody listens on is of no use.
        raise
    try:
        mode = os.fstat(number).st_mode
        if os.path.stat.S_ISDIR(mode):
            inherit_rights(number)
            os.fchmod(number, 0o2770)
        elif os.path.stat.S_ISREG(mode):
            os.fchmod(number, mode & 0o777 | 0o660 | (0o010 if mode & 0o100 else 0))
        # Last: a folder's group tells whether it is done. A change of the owner would clear the setgid bit, this does not.
        os.fchown(number, -1, gid)
    finally:
        os.close(number)


def inherit_rights(folder):
    """What is made in here is everybody's whatever the umask says: a default ACL (acl(5)), where the file system has them."""
    tags = (0x01, 7), (0x04, 7), (0x20, 0)  # Owner, group, others.
    acl = struct.pack("<I", 2) + b"".join(struct.pack("<HHI", tag, rights, 0xFFFFFFFF) for tag, rights in tags)
    with contextlib.suppress(OSError):
        os.setxattr(folder, "system.posix_acl_default", acl)


@contextlib.contextmanager
def gone():
    """What disappears meanwhile needs nothing."""
    try:
        yield
    except FileNotFoundError:
        pass


def names(user, account):
    """The files by which programs in the sandbox learn names: root, the person, nobody."""
    uid, gid = account or (os.geteuid(), os.getegid())
    people = [("root", 0, 0, "/root", "/usr/sbin/nologin")] if uid != 0 else []
    people += [(user, uid, gid, "/files/home", "/bin/bash"), ("nobody", 65534, 65534, "/", "/usr/sbin/nologin")]
    groups = ([("root", 0)] if gid != 0 else []) + [("people", gid), ("nogroup", 65534)]
    return {
        "/etc/passwd": "".join(f"{name}:x:{u}:{g}::{home}:{shell}\n" for name, u, g, home, shell in people),
        "/etc/group": "".join(f"{name}:x:{g}:\n" for name, g in groups),
    }

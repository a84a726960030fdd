"""Run as a script: become a program, as an unprivileged user where asked, that is stopped when its parent dies.

`python child.py <parent's pid> <uid> <gid> <program> <argument>...`; a uid of -1 keeps the user. A script of its own,
because between fork and exec in a process with threads nothing else is safe; and the wish to be told of the parent's
death has to come after the change of user, which clears it.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main() -> None:
    """Drop privileges, tie the life of this process to its parent's, and become the program."""
    parent, uid, gid = (int(word) for word in sys.argv[1:4])
    if uid >= 0:
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    if sys.platform == "linux":
        # SIGINT is PostgreSQL's fast shutdown: clients are cut off, the data is left tidy.
        if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGINT, 0, 0, 0) != 0:
            sys.exit(f"prctl: {os.strerror(ctypes.get_errno())}")
        if os.getppid() != parent:
            sys.exit("the parent died before the program began")
    os.execv(sys.argv[4], sys.argv[4:])  # noqa: S606 - the program is one of PostgreSQL's, found by `programs`


if __name__ == "__main__":
    main()

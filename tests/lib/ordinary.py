# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""Instances of an ordinary user, nobody where we are root, so that the kernel's own bpf(2) can have no part in what
a client sees. With OUTER=1 also under a filter like a default container's (tests/lib/outer-filter.py), where the
kernel's answer to bpf(2) and perf_event_open(2) is EPERM before anybody is asked. tests/lib/ordinary.sh is the same
for shells."""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
O = pathlib.Path(os.environ.get("O", ROOT / "build")).resolve()
OUTER = os.environ.get("OUTER", "") not in ("", "0")
NOBODY = 65534


class Home:
    """A folder that this user can read, with a daemon of this build's; gone at close()."""

    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="skep-"))
        self.folder.chmod(0o755)
        run = self.room("run")
        self.prefix = [sys.executable, self.put(ROOT / "tests/lib/outer-filter.py")] if OUTER else []
        if os.getuid() == 0:
            self.prefix += ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--inh-caps=-all"]
        self.env = {**os.environ, "XDG_RUNTIME_DIR": str(run), "HOME": str(run), "TMPDIR": str(run), "LC_ALL": "C",
                    "PATH": os.environ["PATH"] + ":/usr/sbin:/sbin"}
        self.env.pop("SKEP_INSTANCE", None)
        self.binary = self.put(O / "skep")

    def room(self, name):
        """A folder in it that this user can write."""
        room = self.folder / name
        room.mkdir()
        if os.getuid() == 0:
            os.chown(room, NOBODY, NOBODY)
        return room

    def put(self, path, folder=None):
        """Copies a file there; its name."""
        to = (folder or self.folder) / pathlib.Path(path).name
        shutil.copy(path, to)
        to.chmod(to.stat().st_mode | 0o444)
        return str(to)

    def find(self, name):
        return shutil.which(name, path=self.env["PATH"])

    def skep(self, *args):
        return [*self.prefix, self.binary, *args]

    def stop(self, *args):
        subprocess.run(self.skep("stop", *args), env=self.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def close(self):
        self.stop("--all")
        shutil.rmtree(self.folder, ignore_errors=True)

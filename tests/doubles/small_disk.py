"""A small disk: a file system of its own that can really be filled, where that is allowed."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

STEP = 64 << 10


class SmallDisk:
    """A file system in memory of so many megabytes, mounted on a folder."""

    def __init__(self, folder: Path, *, megabytes: int) -> None:
        """Mount it; skips the test where that is not permitted."""
        self.folder = folder
        self._filler = folder / "filler"
        folder.mkdir(parents=True, exist_ok=True)
        mount = shutil.which("mount")
        options = ["-t", "tmpfs", "-o", f"size={megabytes}m,mode=0700", "tmpfs", str(folder)]
        if mount is None or os.geteuid() != 0:
            pytest.skip("only root can mount a small disk; the doubles of a disk still run")
        if subprocess.run([mount, *options], check=False, capture_output=True).returncode:
            pytest.skip("mounting a small disk is not permitted here")

    def fill(self) -> None:
        """Take the last byte."""
        size = STEP
        with self._filler.open("ab", buffering=0) as file:
            while size:
                try:
                    if file.write(b"x" * size) < size:
                        size //= 2
                except OSError:
                    size //= 2

    def free(self) -> None:
        """Give back what `fill` took."""
        self._filler.unlink(missing_ok=True)

    def set_read_only(self, is_so: bool) -> None:
        """Refuse every write, or take them again."""
        mode = "ro" if is_so else "rw"
        subprocess.run(["mount", "-o", f"remount,{mode}", str(self.folder)], check=True)

    def close(self) -> None:
        """Unmount it."""
        subprocess.run(["umount", "-l", str(self.folder)], check=False)

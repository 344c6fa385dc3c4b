"""Let a walk have the ports that its page names, whatever else runs on this machine.

As root on Linux, each walk gets a network of its own with nothing in it but loopback, so walks go side by side and a
server that somebody left running is in nobody's way. Elsewhere they take turns.
"""

import contextlib
import ctypes
import fcntl
import os
import socket
import struct
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

PORT = 8765
CLONE_NEWNET = 0x40000000  # sched.h
SIOCSIFFLAGS = 0x8914  # sys/ioctl.h: set the flags of an interface
IFF_UP_RUNNING = 0x1 | 0x40  # net/if.h


def undisturbed(work: Callable[[], T]) -> T:
    """Do the work, with the programs it starts, where nobody else holds a port."""
    with ThreadPoolExecutor(max_workers=1) as one_thread:  # a network belongs to a thread, and ends with it
        if one_thread.submit(take_a_network).result():
            return one_thread.submit(work).result()
    with port_to_ourselves():
        return work()


@contextlib.contextmanager
def port_to_ourselves() -> Iterator[None]:
    """Wait until no other walk on this machine, in any worker or checkout, uses the guide's port."""
    with (Path(tempfile.gettempdir()) / f"guide-port-{PORT}-{os.getuid()}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def take_a_network() -> bool:
    """Let this thread leave the machine's network for an empty one; tell whether the system has let it."""
    if sys.platform != "linux" or ctypes.CDLL(None).unshare(CLONE_NEWNET) != 0:
        return False
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
        fcntl.ioctl(asked, SIOCSIFFLAGS, struct.pack("16sh", b"lo", IFF_UP_RUNNING))
    return True

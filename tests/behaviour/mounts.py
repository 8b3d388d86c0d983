"""Mounts a file system that only the processes see that enter: mounts.py PLACE KIND OPTION ...

KIND tmpfs: options are mount's, as size=64k. KIND fuse: a file system that is kept in this process's memory, without
what the options name: fallocate, mmap; and size=BYTES. Says "ready" or why not, and keeps it until its input ends.
"""

from __future__ import annotations

import ctypes
import errno
import os
import stat
import struct
import sys
import threading

NODEV, REMOUNT, READ_ONLY, PRIVATE, ALL = 4, 32, 1, 1 << 18, 1 << 14
libc = ctypes.CDLL(None, use_errno=True)


def mount(source: str, target: str, kind: str, flags: int, data: str = "") -> None:
    if libc.mount(source.encode(), target.encode(), kind.encode(), ctypes.c_ulong(flags), data.encode()) < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"mount {kind}: {os.strerror(number)}")


def leave() -> None:
    """Nobody else sees what is mounted from here on. A user of its own may do it without being root."""
    user, group = os.getuid(), os.getgid()
    try:
        os.unshare(os.CLONE_NEWUSER | os.CLONE_NEWNS)
    except OSError:  # not allowed, or from within a chroot
        os.unshare(os.CLONE_NEWNS)
        mount("none", "/", "none", PRIVATE | ALL)
        return
    for name, text in (("setgroups", "deny"), ("uid_map", f"0 {user} 1"), ("gid_map", f"0 {group} 1")):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(text)


# --- a file system in memory ----------------------------------------------------

FOR_LONG = 1000  # seconds that the kernel may keep what it was told
DIRECT_IO = 1
BLOCK = 4096


class Memory:
    """Files in one folder, as the kernel's fuse.h asks for them."""

    def __init__(self, options: list[str]) -> None:
        self.lacks = set(options)
        self.room = int(next((word[5:] for word in options if word.startswith("size=")), 1 << 30))
        self.names: dict[str, int] = {}
        self.files: dict[int, tuple[int, bytearray]] = {1: (stat.S_IFDIR | 0o755, bytearray())}

    def attributes(self, node: int) -> bytes:
        mode, data = self.files[node]
        blocks = (len(data) + BLOCK - 1) // BLOCK * (BLOCK // 512)
        return struct.pack("<6Q10I", node, len(data), blocks, 0, 0, 0, 0, 0, 0, mode, 1, 0, 0, 0, BLOCK, 0)

    def entry(self, node: int) -> bytes:
        return struct.pack("<4Q2I", node, 0, FOR_LONG, FOR_LONG, 0, 0) + self.attributes(node)

    def opened(self) -> bytes:
        return struct.pack("<QII", 0, DIRECT_IO if "mmap" in self.lacks else 0, 0)

    def grow(self, node: int, size: int) -> None:
        data = self.files[node][1]
        others = sum(len(each) for _, each in self.files.values()) - len(data)
        if others + size > self.room:
            raise OSError(errno.ENOSPC, "no room")
        data.extend(bytes(max(0, size - len(data))))

    def answer(self, opcode: int, node: int, body: bytes) -> bytes:  # noqa: PLR0911, PLR0912
        match opcode:
            case 26:  # INIT
                return struct.pack("<IIIIHHIIHHI7I", 7, 31, 1 << 17, 0x20, 16, 12, 1 << 17, 1, 0, 0, 0, *[0] * 7)
            case 1:  # LOOKUP
                name = body.rstrip(b"\0").decode()
                if name not in self.names:
                    raise OSError(errno.ENOENT, name)
                return self.entry(self.names[name])
            case 3:  # GETATTR
                return struct.pack("<QII", FOR_LONG, 0, 0) + self.attributes(node)
            case 4:  # SETATTR
                valid, _, _, size = struct.unpack_from("<IIQQ", body)
                if valid & 8:
                    self.grow(node, size)
                    del self.files[node][1][size:]
                return struct.pack("<QII", FOR_LONG, 0, 0) + self.attributes(node)
            case 35:  # CREATE
                _, mode = struct.unpack_from("<II", body)
                node = max(self.files) + 1
                self.files[node] = (stat.S_IFREG | mode & 0o777, bytearray())
                self.names[body[16:].rstrip(b"\0").decode()] = node
                return self.entry(node) + self.opened()
            case 14 | 27:  # OPEN, OPENDIR
                return self.opened()
            case 15:  # READ
                _, offset, size = struct.unpack_from("<QQI", body)
                return bytes(self.files[node][1][offset : offset + size])
            case 16:  # WRITE
                _, offset, size = struct.unpack_from("<QQI", body)
                self.grow(node, max(offset + size, len(self.files[node][1])))
                self.files[node][1][offset : offset + size] = body[40 : 40 + size]
                return struct.pack("<II", size, 0)
            case 17:  # STATFS
                free = (self.room - sum(len(data) for _, data in self.files.values())) // BLOCK
                return struct.pack("<5Q4I6I", self.room // BLOCK, free, free, 99, 99, BLOCK, 255, BLOCK, 0, *[0] * 6)
            case 12 | 45:  # RENAME, RENAME2
                old, new, *_ = body[8 if opcode == 12 else 16 :].split(b"\0")
                self.names[new.decode()] = self.names.pop(old.decode())
            case 10:  # UNLINK
                del self.names[body.rstrip(b"\0").decode()]
            case 28:  # READDIR: nobody lists it
                return b""
            case 43 if "fallocate" not in self.lacks:
                _, offset, length = struct.unpack_from("<QQQ", body)
                self.grow(node, max(offset + length, len(self.files[node][1])))
            case 18 | 20 | 25 | 29 | 38:  # RELEASE, FSYNC, FLUSH, RELEASEDIR, DESTROY
                pass
            case _:
                raise OSError(errno.ENOSYS, "no such thing")
        return b""

    def serve(self, device: int) -> None:
        while True:
            try:
                request = os.read(device, 1 << 18)
            except OSError:  # it is gone
                return
            _, opcode, unique, node = struct.unpack_from("<IIQQ", request)
            if opcode in {2, 36, 42}:  # FORGET, INTERRUPT, BATCH_FORGET want no answer
                continue
            error, answer = 0, b""
            try:
                answer = self.answer(opcode, node, request[40:])
            except OSError as failed:
                error = failed.errno
            os.write(device, struct.pack("<IiQ", 16 + len(answer), -error, unique) + answer)


def main(place: str, kind: str, options: list[str]) -> None:
    leave()
    if kind == "tmpfs":
        mount("none", place, kind, NODEV, ",".join(options))
    else:
        device = os.open("/dev/fuse", os.O_RDWR)
        mount("none", place, kind, NODEV, f"fd={device},rootmode=40000,user_id=0,group_id=0")
        threading.Thread(target=Memory(options).serve, args=[device], daemon=True).start()


if __name__ == "__main__":
    try:
        main(sys.argv[1], sys.argv[2], sys.argv[3:])
        print("ready", flush=True)
    except OSError as error:
        print(error.strerror, flush=True)
    for line in sys.stdin:
        mount("none", sys.argv[1], sys.argv[2], REMOUNT | READ_ONLY)
        print(line, end="", flush=True)

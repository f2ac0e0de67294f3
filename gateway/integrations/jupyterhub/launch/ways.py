"""Hands connections on from one address to another: a notebook server has a network of its own, and this is what leads in and out of it.

Called as `ways.py FROM=TO…` inside the sandbox, where it writes one byte as soon as it listens everywhere; used by spawn.py outside.
An address is `tcp:PORT`, a port of 127.0.0.1, or `unix:PATH`.
"""

import asyncio
import os
import stat
import sys

AT_ONCE = 64 * 1024


async def listen(source, target):
    kind, _, place = source.partition(":")

    async def accept(reader, writer):
        try:
            other_reader, other_writer = await connect(target)
        except OSError:
            writer.transport.abort()
            return
        await asyncio.gather(hand_on(reader, writer, other_writer), hand_on(other_reader, other_writer, writer))

    if kind == "tcp":
        return await asyncio.start_server(accept, "127.0.0.1", int(place), limit=AT_ONCE)
    return await asyncio.start_unix_server(accept, place, limit=AT_ONCE)


async def connect(target):
    kind, _, place = target.partition(":")
    if kind == "tcp":
        return await asyncio.open_connection("127.0.0.1", int(place), limit=AT_ONCE)
    # connect(2) follows links, and the folder may be somebody's whom we do not trust: the socket itself is held and named by its handle
    # (proc(5), /proc/PID/fd).
    held = os.open(place, os.O_PATH | os.O_NOFOLLOW)
    try:
        if not stat.S_ISSOCK(os.fstat(held).st_mode):
            raise OSError("not a socket")
        return await asyncio.open_unix_connection(f"/proc/self/fd/{held}", limit=AT_ONCE)
    finally:
        os.close(held)


async def hand_on(reader, own_writer, writer):
    """One direction, until its end, which is handed on too; what is cut short cuts the other."""
    try:
        while data := await reader.read(AT_ONCE):
            writer.write(data)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()
    except OSError:
        writer.transport.abort()
        own_writer.transport.abort()


async def main(pairs):
    servers = [await listen(*pair.split("=")) for pair in pairs]
    os.write(1, b".")
    await asyncio.gather(*(server.serve_forever() for server in servers))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))

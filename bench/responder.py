"""A server that only answers: what the load generator reaches against it is the most it can measure."""

from __future__ import annotations

import asyncio
import sys

import uvloop

BODY = b'{"success":true,"data":{"id":"%b","title":"%b"}}' % (b"0" * 36, b"x" * 300)
ANSWER = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (len(BODY), BODY)


class Responder(asyncio.Protocol):
    transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment] # uvloop's transport is no subclass

    def data_received(self, data: bytes) -> None:  # noqa: ARG002 - every request gets the same
        self.transport.write(ANSWER)


async def main(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(Responder, "127.0.0.1", port)
    print("responder: ready", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1])))

"""A TCP line with the delay of a distant server: it is what makes badly built fields lose text."""

import asyncio
from types import TracebackType


class SlowLine:
    def __init__(self, port: int, delay: float = 0.04) -> None:
        self.target, self.delay = port, delay
        self.tasks: set[asyncio.Task[None]] = set()
        self.sinks: list[asyncio.StreamWriter] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def __aenter__(self) -> "SlowLine":
        self._server = await asyncio.start_server(self._join, "127.0.0.1", 0)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.close()
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        for sink in self.sinks:
            sink.close()
        await asyncio.gather(*(s.wait_closed() for s in self.sinks), return_exceptions=True)

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.target)
        self.sinks += [writer, far_writer]
        for source, sink in ((reader, far_writer), (far_reader, writer)):
            task = asyncio.create_task(self._carry(source, sink))
            self.tasks.add(task)
            task.add_done_callback(self.tasks.discard)

    async def _carry(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        """Every piece arrives one delay later, in order, however fast they come."""
        loop = asyncio.get_running_loop()
        while data := await source.read(65536):
            loop.call_later(self.delay, self._write, sink, data)
        loop.call_later(self.delay, sink.close)

    @staticmethod
    def _write(sink: asyncio.StreamWriter, data: bytes) -> None:
        if not sink.is_closing():
            sink.write(data)

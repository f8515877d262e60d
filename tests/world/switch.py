#!/usr/bin/env python3
"""A proxy before several servers: the next one in turn has each request (http), or each connection (tcp).

    switch.py http|tcp ADDRESS:PORT SERVER:PORT…        prints the port on which it listens
"""
import asyncio
import http.client
import http.server
import itertools
import sys


def parse(text):
    host, port = text.rsplit(":", 1)
    return host, int(port)


def serve_http(listen, servers):
    turns = itertools.cycle(servers)
    own = ("connection", "content-length", "transfer-encoding", "expect", "server", "date")

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def forward(self):
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            server = http.client.HTTPConnection(*next(turns))
            fields = {name: text for name, text in self.headers.items() if name.lower() not in own}
            server.request(self.command, self.path, body, fields)
            answer = server.getresponse()
            content = answer.read()
            server.close()
            self.send_response(answer.status)
            for name, text in answer.getheaders():
                if name.lower() not in own:
                    self.send_header(name, text)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = forward

        def log_message(self, *_):
            pass

    proxy = http.server.ThreadingHTTPServer(listen, Handler)
    print(proxy.server_port, flush=True)
    proxy.serve_forever()


async def copy(reader, writer):
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except ConnectionError:
        pass
    writer.close()


async def serve_tcp(listen, servers):
    turns = itertools.cycle(servers)

    async def connect(reader, writer):
        # A server that is gone is passed over.
        for _ in servers:
            try:
                to_reader, to_writer = await asyncio.open_connection(*next(turns))
                break
            except OSError:
                continue
        else:
            writer.close()
            return
        await asyncio.gather(copy(reader, to_writer), copy(to_reader, writer))

    proxy = await asyncio.start_server(connect, *listen)
    print(proxy.sockets[0].getsockname()[1], flush=True)
    await proxy.serve_forever()


kind, listen, *servers = sys.argv[1:]
if kind == "http":
    serve_http(parse(listen), [parse(server) for server in servers])
else:
    asyncio.run(serve_tcp(parse(listen), [parse(server) for server in servers]))

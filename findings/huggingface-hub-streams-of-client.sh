#!/usr/bin/env bash
# huggingface_hub 2.4.0 (Python): a streamed answer ends with the client that asked for it, and
# stays in memory as long as that lives.
#
# A guess: an `InferenceClient` is a set of settings. Who asks for a stream holds the stream, and
# may forget the client, as with openai's. And a stream that was read to its end is gone.
#
# What happens: the client puts each streamed response into its own `ExitStack`. `close()` empties
# it, and so does the end of the last reference to the client. So
# `for part in InferenceClient(..).chat_completion(.., stream=True)` fails before its first part:
# the client is gone when the call returns. `StreamClosed` says nothing of it. And a client that
# lives keeps all responses that it ever streamed, with about 11 kB each.
#
# Why it matters: a function that makes a client and returns the stream does not work, whatever the
# server does. A breaker around it opens. A service that keeps one client, which is the cure, grows
# with each answer until it closes that client.
#
# Seen:
#   a client that is held: Hello
#   a client of one line: StreamClosed
#   1000 streams read to their end: 1000 responses are kept
#   the same after close(): 0 responses are kept
#
# Needs Python 3.10 or later with venv, and a registry of Python packages. Ends with 1 when the
# output is another one.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --disable-pip-version-check huggingface_hub==2.4.0 httpx2==2.16.2
cat >"$work/ask.py" <<'PYTHON'
import gc
import json
import sys
import threading
import tracemalloc
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx2
from huggingface_hub import InferenceClient

CHOICE = {"index": 0, "delta": {"role": "assistant", "content": "Hello"}, "finish_reason": "stop"}
CHUNK = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [CHOICE]}
BODY = f"data: {json.dumps(CHUNK)}\n\ndata: [DONE]\n\n".encode()


class Server(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("content-length", str(len(BODY)))
        self.end_headers()
        self.wfile.write(BODY)

    def handle(self):
        try:
            super().handle()
        except ConnectionError:
            pass

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Server)
threading.Thread(target=server.serve_forever, daemon=True).start()
url = f"http://127.0.0.1:{server.server_port}/v1"


def ask(client):
    return client.chat_completion([{"role": "user", "content": "?"}], stream=True)


def kept():
    gc.collect()
    return sum(isinstance(thing, httpx2.Response) for thing in gc.get_objects())


held = InferenceClient(base_url=url)
print("a client that is held:", "".join(part.choices[0].delta.content for part in ask(held)))
try:
    print("a client of one line:", "".join(part.choices[0].delta.content for part in ask(InferenceClient(base_url=url))))
except Exception as error:
    print("a client of one line:", type(error).__name__)
del held
client = InferenceClient(base_url=url)
tracemalloc.start()
for _ in range(1000):
    for part in ask(client):
        pass
print("1000 streams read to their end:", kept(), "responses are kept")
print(f"{tracemalloc.get_traced_memory()[0] / 1e6:.1f} MB", file=sys.stderr)
client.close()
print("the same after close():", kept(), "responses are kept")
PYTHON
cat >"$work/expected" <<'TEXT'
a client that is held: Hello
a client of one line: StreamClosed
1000 streams read to their end: 1000 responses are kept
the same after close(): 0 responses are kept
TEXT
env -u http_proxy -u HTTP_PROXY -u all_proxy -u ALL_PROXY NO_PROXY=127.0.0.1 "$work/venv/bin/python" "$work/ask.py" >"$work/seen"
cat "$work/seen"
if ! diff "$work/expected" "$work/seen"; then
    echo "huggingface-hub-streams-of-client: it has changed" >&2
    exit 1
fi
echo "as told: huggingface_hub 2.4.0"

#!/usr/bin/env bash
# openai 3.57.0 and huggingface_hub 2.4.0 (Python): `timeout` does not limit the wait for the first
# token, nor the answer, where the server sends comments.
#
# A guess: `OpenAI(timeout=1)` and `InferenceClient(timeout=1)` limit a request to a second, or at
# least the wait for the next part of an answer.
#
# What happens: it is the longest that a single read may take, and a comment is read too. Servers
# and proxies send `: keep-alive` each 15 or 30 s for as long as the answer takes, so that nothing
# between closes the connection. llama.cpp does so while it reads a long prompt, routers while the
# request is in a queue. The clients drop comments, so their caller sees nothing at all, without an
# end.
#
# Why it matters: a model that hangs behind a proxy that is well is waited for without a limit,
# though each limit is set. A limit that holds is one around the wait for the next part that has
# text.
#
# Seen (`timeout=1`; the server sends a comment each 0.2 s, or nothing, for 5 s, and then "Hello"):
#   comments: openai: Hello, after more than 4 s
#   comments: huggingface_hub: Hello, after more than 4 s
#   nothing: openai: APITimeoutError
#   nothing: huggingface_hub: ReadTimeout
#
# Needs Python 3.10 or later with venv, and a registry of Python packages. Ends with 1 when the
# output is another one.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --disable-pip-version-check openai==3.57.0 huggingface_hub==2.4.0
cat >"$work/ask.py" <<'PYTHON'
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import huggingface_hub
import openai


def chunk(delta, reason=None):
    choice = {"index": 0, "delta": delta, "finish_reason": reason}
    body = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}
    return f"data: {json.dumps(body)}\n\n"


WHOLE = chunk({"role": "assistant", "content": "Hello"}, "stop") + "data: [DONE]\n\n"


class Server(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        request = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("connection", "close")
        self.end_headers()
        try:
            for _ in range(25):
                time.sleep(0.2)
                if request["model"] == "comments":
                    self.wfile.write(b": keep-alive\n\n")
            self.wfile.write(WHOLE.encode())
        except ConnectionError:
            pass

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Server)
threading.Thread(target=server.serve_forever, daemon=True).start()
url = f"http://127.0.0.1:{server.server_port}/v1"
clients = {
    "openai": openai.OpenAI(base_url=url, api_key="-", max_retries=0, timeout=1),
    "huggingface_hub": huggingface_hub.InferenceClient(base_url=url, api_key="-", timeout=1),
}
for stream in ("comments", "nothing"):
    for name, client in clients.items():
        text, begun = "", time.monotonic()
        try:
            messages = [{"role": "user", "content": "?"}]
            for part in client.chat.completions.create(model=stream, messages=messages, stream=True):
                text += part.choices[0].delta.content or ""
            took = time.monotonic() - begun
            said = f"{text}, after more than 4 s" if took > 4 else f"{text}, after {took:.1f} s"
        except Exception as error:
            said = type(error).__name__
        print(f"{stream}: {name}: {said}")
PYTHON
cat >"$work/expected" <<'TEXT'
comments: openai: Hello, after more than 4 s
comments: huggingface_hub: Hello, after more than 4 s
nothing: openai: APITimeoutError
nothing: huggingface_hub: ReadTimeout
TEXT
env -u http_proxy -u HTTP_PROXY -u all_proxy -u ALL_PROXY NO_PROXY=127.0.0.1 "$work/venv/bin/python" "$work/ask.py" >"$work/seen"
cat "$work/seen"
if ! diff "$work/expected" "$work/seen"; then
    echo "openai-timeout-and-comments: it has changed" >&2
    exit 1
fi
echo "as told: openai 3.57.0, huggingface_hub 2.4.0"

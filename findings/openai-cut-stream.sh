#!/usr/bin/env bash
# openai 3.57.0 and huggingface_hub 2.4.0 (Python): an answer that is cut off in mid stream is a
# whole one.
#
# A guess: a streamed answer ends with a chunk that has a `finish_reason`, and with `data: [DONE]`.
# A client that gets neither knows that something is missing, and says so, as it does when the
# connection breaks.
#
# What happens: both clients stop at `[DONE]`, and where it does not come they stop where the bytes
# do. Neither looks for the `finish_reason`. So a body that ends in order is the end of the answer,
# whatever came before: after one word, or in half an event. The chunked end is in order when a
# proxy's upstream dies, when a proxy's own time is over, and for `connection: close` always. An
# event that is named `error` and has `{"message": ..}` is a chunk without choices: also the end.
# Only `data: {"error": ..}` is an error.
#
# Why it matters: half a sentence is stored, cached and shown as the model's answer. Retries,
# metrics and circuit breakers count it as a success. The caller has to look for a `finish_reason`
# in what it has read.
#
# Seen ("Hello" came in each case; a whole answer has a `finish_reason` and `[DONE]`):
#   whole: openai: Hello, and the end
#   whole: huggingface_hub: Hello, and the end
#   cut: openai: Hello, and the end
#   cut: huggingface_hub: Hello, and the end
#   half an event: openai: Hello, and the end
#   half an event: huggingface_hub: Hello, and JSONDecodeError
#   event: error: openai: Hello, and the end
#   event: error: huggingface_hub: Hello, and the end
#   data: {"error"}: openai: Hello, and APIError
#   data: {"error"}: huggingface_hub: Hello, and UnknownError
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
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import huggingface_hub
import openai


def chunk(delta, reason=None):
    choice = {"index": 0, "delta": delta, "finish_reason": reason}
    body = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}
    return f"data: {json.dumps(body)}\n\n"


HELLO = chunk({"role": "assistant", "content": ""}) + chunk({"content": "Hello"})
STREAMS = {
    "whole": HELLO + chunk({}, "stop") + "data: [DONE]\n\n",
    "cut": HELLO,
    "half an event": HELLO + chunk({"content": " world"})[:40],
    "event: error": HELLO + 'event: error\ndata: {"message": "out of memory"}\n\n',
    'data: {"error"}': HELLO + 'data: {"error": {"message": "out of memory", "code": 500}}\n\n',
}


class Server(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        request = json.loads(self.rfile.read(int(self.headers["content-length"])))
        body = STREAMS[request["model"]].encode()
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        self.wfile.write(b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body))
        self.close_connection = True

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Server)
threading.Thread(target=server.serve_forever, daemon=True).start()
url = f"http://127.0.0.1:{server.server_port}/v1"
clients = {
    "openai": openai.OpenAI(base_url=url, api_key="-", max_retries=0),
    "huggingface_hub": huggingface_hub.InferenceClient(base_url=url, api_key="-"),
}
for stream in STREAMS:
    for name, client in clients.items():
        text, end = "", "the end"
        try:
            messages = [{"role": "user", "content": "?"}]
            for part in client.chat.completions.create(model=stream, messages=messages, stream=True):
                text += "".join(choice.delta.content or "" for choice in part.choices or [])
        except Exception as error:
            end = type(error).__name__
        print(f"{stream}: {name}: {text}, and {end}")
PYTHON
cat >"$work/expected" <<'TEXT'
whole: openai: Hello, and the end
whole: huggingface_hub: Hello, and the end
cut: openai: Hello, and the end
cut: huggingface_hub: Hello, and the end
half an event: openai: Hello, and the end
half an event: huggingface_hub: Hello, and JSONDecodeError
event: error: openai: Hello, and the end
event: error: huggingface_hub: Hello, and the end
data: {"error"}: openai: Hello, and APIError
data: {"error"}: huggingface_hub: Hello, and UnknownError
TEXT
env -u http_proxy -u HTTP_PROXY -u all_proxy -u ALL_PROXY NO_PROXY=127.0.0.1 "$work/venv/bin/python" "$work/ask.py" >"$work/seen"
cat "$work/seen"
if ! diff "$work/expected" "$work/seen"; then
    echo "openai-cut-stream: it has changed" >&2
    exit 1
fi
echo "as told: openai 3.57.0, huggingface_hub 2.4.0"

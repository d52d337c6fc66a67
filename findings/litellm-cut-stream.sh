#!/usr/bin/env bash
# LiteLLM proxy 1.108.7: an answer that its upstream cut off reaches the client with
# `finish_reason: "stop"` and `[DONE]`.
#
# A guess: a proxy passes a stream on. What ends without a `finish_reason` at the upstream ends
# without one at the client, which can tell by that that something is missing.
#
# What happens: the proxy ends each stream itself. Where the upstream's bytes end in order, it adds
# a last chunk with `finish_reason: "stop"` and `[DONE]`. It does so after one word, in half an
# event, and after `event: error`. A broken connection and `data: {"error": ..}` are passed on as an
# error event.
#
# Why it matters: behind this proxy a cut answer cannot be told from a whole one, by no client and
# no circuit breaker. The proxy is where it would have to be seen.
#
# Seen:
#   whole: Hello, stop, [DONE]
#   cut: Hello, stop, [DONE]
#   half an event: Hello, stop, [DONE]
#   event: error: Hello, stop, [DONE]
#   data: {"error"}: Hello, an error
#   broken: Hello, an error
#
# Needs Python 3.10 or later with venv, and a registry of Python packages (760 MB on the disk, about
# 2 minutes). Ends with 1 when the output is another one.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --disable-pip-version-check 'litellm[proxy]==1.108.7'
cat >"$work/ask.py" <<'PYTHON'
import http.client
import json
import secrets
import socket
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


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
    "broken": HELLO,
}


class Upstream(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        name = json.loads(self.rfile.read(int(self.headers["content-length"])))["model"]
        body = STREAMS[name].encode()
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        self.wfile.write(b"%x\r\n%s\r\n" % (len(body), body))
        # Without it the body has not ended.
        if name != "broken":
            self.wfile.write(b"0\r\n\r\n")
        self.close_connection = True

    def log_message(self, *_):
        pass


def ask(name):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    body = json.dumps({"model": name, "messages": [{"role": "user", "content": "?"}], "stream": True})
    connection.request("POST", "/v1/chat/completions", body, {"authorization": f"Bearer {key}"})
    text, seen = "", []
    for line in connection.getresponse().read().decode().splitlines():
        data = line.removeprefix("data: ")
        if data == "[DONE]":
            seen.append(data)
        elif data.startswith("{"):
            event = json.loads(data)
            if "error" in event:
                seen.append("an error")
            for choice in event.get("choices", []):
                text += choice["delta"].get("content") or ""
                seen += [choice["finish_reason"]] if choice.get("finish_reason") else []
    return ", ".join([text, *seen])


def answers():
    try:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        connection.request("GET", "/health/liveliness")
        return connection.getresponse().status == 200
    except OSError:
        return False


work = sys.argv[1]
key = f"sk-{secrets.token_hex(32)}"
upstream = ThreadingHTTPServer(("127.0.0.1", 0), Upstream)
threading.Thread(target=upstream.serve_forever, daemon=True).start()
where = {"api_base": f"http://127.0.0.1:{upstream.server_port}/v1", "api_key": "-"}
models = [{"model_name": name, "litellm_params": {"model": f"openai/{name}", **where}} for name in STREAMS]
with open(f"{work}/config.yaml", "w") as file:
    # JSON is YAML.
    json.dump({"model_list": models, "general_settings": {"master_key": key}}, file)
with socket.create_server(("127.0.0.1", 0)) as free:
    port = free.getsockname()[1]
command = [f"{work}/venv/bin/litellm", "--config", f"{work}/config.yaml", "--host", "127.0.0.1", "--port", str(port)]
with open(f"{work}/log", "w") as log:
    proxy = subprocess.Popen(command, stdout=log, stderr=log, cwd=work)
try:
    deadline = time.monotonic() + 120
    while not answers() and proxy.poll() is None and time.monotonic() < deadline:
        time.sleep(0.5)
    for name in STREAMS:
        print(f"{name}: {ask(name)}", flush=True)
finally:
    proxy.kill()
    proxy.wait()
PYTHON
cat >"$work/expected" <<'TEXT'
whole: Hello, stop, [DONE]
cut: Hello, stop, [DONE]
half an event: Hello, stop, [DONE]
event: error: Hello, stop, [DONE]
data: {"error"}: Hello, an error
broken: Hello, an error
TEXT
env -u http_proxy -u HTTP_PROXY -u https_proxy -u HTTPS_PROXY -u all_proxy -u ALL_PROXY LITELLM_LOCAL_MODEL_COST_MAP=True \
    "$work/venv/bin/python" "$work/ask.py" "$work" >"$work/seen"
cat "$work/seen"
if ! diff "$work/expected" "$work/seen"; then
    echo "litellm-cut-stream: it has changed" >&2
    exit 1
fi
echo "as told: litellm 1.108.7"

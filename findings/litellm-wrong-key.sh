#!/usr/bin/env bash
# LiteLLM proxy 1.108.7, without a database: a wrong key is answered with 400, and no key with 500.
#
# A guess: a proxy that has a `master_key` answers 401 to every other key, and to none. A client
# that gets 400 looks at what it has sent, and at 500 it waits and asks again.
#
# What happens: each key but the right one is looked for in the database. Where there is none the
# answer is 400 `No connected db.`. A request fails in another way where it has no key, or a key
# with neither `Bearer` before it nor `sk-` at its start. The proxy then looks whether that was its
# database's fault. For this it needs `prisma`, and `litellm[proxy]` does not install it. So it
# answers 500 in plain text, also for `GET /v1/models`.
#
# Why it matters: a mistake in a setting looks like a bad question, or like an outage. A circuit
# breaker that takes 400 for an answer of a healthy server stays closed while every request is
# refused. With no key it opens, and its probes fail until an operator reads the proxy's log. Many
# refusals in a row, of different questions, say more than their status.
#
# Seen (the proxy has a master key, and no database):
#   the right key: 200
#   a wrong key: 400, No connected db.
#   a wrong key in x-api-key: 400, No connected db.
#   no key: 500, Internal Server Error
#   an empty key: 500, Internal Server Error
#   no key, GET /v1/models: 500, Internal Server Error
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

CHOICE = {"index": 0, "message": {"role": "assistant", "content": "Hello"}, "finish_reason": "stop"}
WELL = {"id": "1", "object": "chat.completion", "created": 1, "model": "m", "choices": [CHOICE]}


class Upstream(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        body = json.dumps(WELL).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def ask(method, path, headers):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    body = json.dumps({"model": "m", "messages": [{"role": "user", "content": "?"}]})
    connection.request(method, path, body, {"content-type": "application/json", **headers})
    answer = connection.getresponse()
    text = answer.read().decode()
    if answer.status == 200:
        return "200"
    return f"{answer.status}, " + (json.loads(text)["error"]["message"] if text.startswith("{") else text)


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
where = {"model": "openai/m", "api_base": f"http://127.0.0.1:{upstream.server_port}/v1", "api_key": "-"}
models = [{"model_name": "m", "litellm_params": where}]
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
    chat = ("POST", "/v1/chat/completions")
    for what, call, headers in [
        ("the right key", chat, {"authorization": f"Bearer {key}"}),
        ("a wrong key", chat, {"authorization": "Bearer sk-wrong"}),
        ("a wrong key in x-api-key", chat, {"x-api-key": "sk-wrong"}),
        ("no key", chat, {}),
        ("an empty key", chat, {"authorization": "Bearer "}),
        ("no key, GET /v1/models", ("GET", "/v1/models"), {}),
    ]:
        print(f"{what}: {ask(*call, headers)}", flush=True)
finally:
    proxy.kill()
    proxy.wait()
PYTHON
cat >"$work/expected" <<'TEXT'
the right key: 200
a wrong key: 400, No connected db.
a wrong key in x-api-key: 400, No connected db.
no key: 500, Internal Server Error
an empty key: 500, Internal Server Error
no key, GET /v1/models: 500, Internal Server Error
TEXT
env -u http_proxy -u HTTP_PROXY -u https_proxy -u HTTPS_PROXY -u all_proxy -u ALL_PROXY LITELLM_LOCAL_MODEL_COST_MAP=True \
    "$work/venv/bin/python" "$work/ask.py" "$work" >"$work/seen"
cat "$work/seen"
if ! diff "$work/expected" "$work/seen"; then
    echo "litellm-wrong-key: it has changed" >&2
    exit 1
fi
echo "as told: litellm 1.108.7"

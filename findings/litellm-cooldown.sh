#!/usr/bin/env bash
# LiteLLM proxy 1.108.7: one 401 or 404 of an upstream shuts everybody out for 5 s, with 429.
#
# A guess: a 401 or 404 is an answer to its request, as a 400 is. A 429 with `retry-after` says that
# the caller has asked too often, or that the upstream has said so.
#
# What happens: by default one 401 or 404 puts the deployment into a "cooldown" of 5 s. Where a
# model has one deployment, each request for it is answered meanwhile with 429 and `retry-after: 5`,
# and the upstream is not called. So one refused request is an outage for all, which looks like too
# many requests.
#
# Why it matters: a client that takes 401 and 404 for successes of the service, and backs off at
# 429, is misled twice. A circuit breaker before this proxy does well to count 401 and 404 as
# failures, and to spare the proxy the retries.
#
# Seen (the upstream answers the first request with that status, and all others well):
#   400, then 200; the upstream was called 2 times
#   401, then 429, retry-after 5; the upstream was called 1 time
#   404, then 429, retry-after 5; the upstream was called 1 time
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
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

CHOICE = {"index": 0, "message": {"role": "assistant", "content": "Hello"}, "finish_reason": "stop"}
WELL = {"id": "1", "object": "chat.completion", "created": 1, "model": "m", "choices": [CHOICE]}
STATUSES = ["400", "401", "404"]
calls = Counter()


class Upstream(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        name = json.loads(self.rfile.read(int(self.headers["content-length"])))["model"]
        calls[name] += 1
        status, answer = (int(name), {"error": {"message": "no"}}) if calls[name] == 1 else (200, WELL)
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def ask(name):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    body = json.dumps({"model": name, "messages": [{"role": "user", "content": "?"}]})
    connection.request("POST", "/v1/chat/completions", body, {"authorization": f"Bearer {key}"})
    answer = connection.getresponse()
    answer.read()
    wait = answer.headers["retry-after"]
    return str(answer.status) + (f", retry-after {wait}" if wait else "")


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
models = [{"model_name": name, "litellm_params": {"model": f"openai/{name}", **where}} for name in STATUSES]
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
    for name in STATUSES:
        first, second = ask(name), ask(name)
        times = "time" if calls[name] == 1 else "times"
        print(f"{first}, then {second}; the upstream was called {calls[name]} {times}", flush=True)
finally:
    proxy.kill()
    proxy.wait()
PYTHON
cat >"$work/expected" <<'TEXT'
400, then 200; the upstream was called 2 times
401, then 429, retry-after 5; the upstream was called 1 time
404, then 429, retry-after 5; the upstream was called 1 time
TEXT
env -u http_proxy -u HTTP_PROXY -u https_proxy -u HTTPS_PROXY -u all_proxy -u ALL_PROXY LITELLM_LOCAL_MODEL_COST_MAP=True \
    "$work/venv/bin/python" "$work/ask.py" "$work" >"$work/seen"
cat "$work/seen"
if ! diff "$work/expected" "$work/seen"; then
    echo "litellm-cooldown: it has changed" >&2
    exit 1
fi
echo "as told: litellm 1.108.7"

"""The servers of scripts/llm-table, and the assistant before them: each ends with the block that it was started for."""

import contextlib
import http.client
import json
import os
import pathlib
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

ROOT = pathlib.Path(__file__).resolve().parent.parent
# Servers that start take their time.
PATIENCE = 180


def request(method, url, body=None, key=None):
    """The status and the text of an answer."""
    where = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(where.hostname, where.port, timeout=60)
    headers = {"content-type": "application/json"} | ({"authorization": f"Bearer {key}"} if key else {})
    try:
        connection.request(method, where.path, body and json.dumps(body), headers)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


@contextlib.contextmanager
def running(command, directory, environment=None, stdin=subprocess.DEVNULL, stdout=None, end=signal.SIGTERM):
    """A process, which ends with the block. What it says goes into a file of the directory if nobody reads it."""
    with open(directory / f"log-{secrets.token_hex(4)}", "w+") as log:
        process = subprocess.Popen(
            command, cwd=directory, env=environment, stdin=stdin, stdout=stdout or log, stderr=log, text=True
        )
        try:
            yield process
        except Exception:
            log.seek(0)
            print(log.read()[-3000:], file=sys.stderr)
            raise
        finally:
            process.send_signal(end)
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def until_ready(process, url):
    deadline = time.monotonic() + PATIENCE
    while process.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(OSError):
            if request("GET", url)[0] == 200:
                return
        time.sleep(0.2)
    raise RuntimeError(f"{url} is not ready after {PATIENCE} s")


def plain_environment():
    """The environment without what would change a server, a proxy or the assistant."""
    prefixes = ("HF_", "HUGGINGFACE_", "CIRCUIT_BREAKER", "ASSISTANT_", "DASHBOARD_", "OPENAI_", "LITELLM_", "RUST_LOG")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(prefixes)}
    return {name: value for name, value in kept.items() if not name.lower().endswith("_proxy")}


def cargo(*arguments):
    return ["cargo", *arguments, "-q", "--manifest-path", str(ROOT / "Cargo.toml")]


@contextlib.contextmanager
def assistant(settings, directory):
    """The assistant's address."""
    command = [*cargo("run"), "--example", "assistant", "--", "--serve", "--port", "0", "--admin-port", "0"]
    environment = plain_environment() | {"RUST_LOG": "warn"} | settings
    with running(command, directory, environment, stdout=subprocess.PIPE, end=signal.SIGKILL) as process:
        for line in process.stdout:
            if " listens on " in line:
                address = line.split(" listens on ")[1].split()[0]
                # A full pipe would stop it.
                threading.Thread(target=process.stdout.read, daemon=True).start()
                yield address
                return
        raise RuntimeError("the assistant does not say where it listens")


@contextlib.contextmanager
def llama(directory, *settings):
    """The address of llama.cpp's server, without `/v1`."""
    command = [*cargo("run"), "-p", "breaker-servers", "--example", "llama", "--", *settings]
    with running(command, directory, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        line = process.stdout.readline()
        try:
            yield line.split(" answers at ")[1].split("/v1")[0]
        finally:
            # It ends itself then, and its server.
            process.stdin.close()
            process.wait(10)


@contextlib.contextmanager
def scripted(status, body):
    """The address of a server that says this to everything."""

    class Says(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            self.rfile.read(int(self.headers["content-length"]))
            text = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Says)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()


def installed(name, requirements, directory):
    """The programs of an environment with these packages."""
    file = directory / f"{name}.txt"
    file.write_text(requirements)
    subprocess.run([ROOT / "scripts/venv", name, file], check=True)
    return ROOT / "target/tools" / name / "bin"


@contextlib.contextmanager
def litellm(programs, directory, api_base, api_key, key):
    """The address of a LiteLLM proxy before another server."""
    model = {"model": "openai/small", "api_base": api_base, "api_key": api_key}
    config = {"model_list": [{"model_name": "small", "litellm_params": model}], "general_settings": {"master_key": key}}
    # JSON is YAML.
    (directory / "litellm.yaml").write_text(json.dumps(config))
    port = free_port()
    command = [programs / "litellm", "--config", "litellm.yaml", "--host", "127.0.0.1", "--port", str(port)]
    environment = plain_environment() | {"LITELLM_LOCAL_MODEL_COST_MAP": "True"}
    with running(command, directory, environment) as process:
        until_ready(process, f"http://127.0.0.1:{port}/health/liveliness")
        yield f"http://127.0.0.1:{port}"


@contextlib.contextmanager
def transformers(programs, directory):
    """The address of `transformers serve`, which loads the models that it is asked for."""
    port = free_port()
    command = [programs / "transformers", "serve", "--host", "127.0.0.1", "--port", str(port), "--device", "cpu"]
    environment = plain_environment() | {"HF_HUB_OFFLINE": "1", "HF_HOME": str(directory / "hub")}
    with running(command, directory, environment) as process:
        until_ready(process, f"http://127.0.0.1:{port}/health")
        yield f"http://127.0.0.1:{port}"

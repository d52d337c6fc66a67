#!/usr/bin/env bash
# llama.cpp's server of 2026-10 (in xllamacpp 2026.10.11549): it closes a connection after a
# streamed answer, whose head says `Keep-Alive`.
#
# A guess: the head of an answer says `Keep-Alive: timeout=5, max=100`, and no `Connection: close`.
# So the connection can be used again within 5 s, as after an answer that does not stream.
#
# What happens: after the last chunk of a stream the server closes the connection at once. A client
# that sends its next request before it has seen that gets no answer to it: "server disconnected",
# `RemoteDisconnected`, hyper's `IncompleteMessage`. It may not send a POST again by itself, since
# the request could have been under way.
#
# Why it matters: a client with a pool fails now and then in a call that follows a stream closely,
# though the server is well. With reqwest 0.13.5 on a quiet machine it is about 1 call of 300. A
# circuit breaker counts each. Keep no idle connections for this server (reqwest:
# `pool_max_idle_per_host(0)`), or retry once.
#
# Seen:
#   plain: Keep-Alive: timeout=5, max=100; the second request: 200
#   streamed: Keep-Alive: timeout=5, max=100; the second request: RemoteDisconnected
#
# Needs Python 3.10 or later with venv, and a registry of Python packages (34 MB). Ends with 1 when
# the output is another one.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --disable-pip-version-check --no-deps xllamacpp==2026.10.11549
cat >"$work/model.py" <<'PYTHON'
"""Writes a model of the right form, whose weights are all 0: what it says does not matter."""
import struct
import sys

TOKENS = ["<unk>", "<s>", "</s>"] + [f"<0x{byte:02X}>" for byte in range(256)]


def text(value):
    return struct.pack("<Q", len(value.encode())) + value.encode()


def pair(key, value):
    if isinstance(value, str):
        return text(key) + struct.pack("<I", 8) + text(value)
    if isinstance(value, float):
        return text(key) + struct.pack("<If", 6, value)
    if isinstance(value, int):
        return text(key) + struct.pack("<II", 4, value)
    code, write = (8, text) if isinstance(value[0], str) else (5, lambda number: struct.pack("<i", number))
    return text(key) + struct.pack("<IIQ", 9, code, len(value)) + b"".join(map(write, value))


pairs = {
    "general.architecture": "llama",
    "llama.context_length": 512,
    "llama.embedding_length": 32,
    "llama.block_count": 1,
    "llama.feed_forward_length": 32,
    "llama.attention.head_count": 4,
    "llama.attention.layer_norm_rms_epsilon": 1e-5,
    "tokenizer.ggml.model": "llama",
    "tokenizer.ggml.tokens": TOKENS,
    "tokenizer.ggml.token_type": [2, 3, 3] + [6] * 256,
    "tokenizer.ggml.bos_token_id": 1,
    "tokenizer.ggml.eos_token_id": 2,
}
square = ["attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down"]
shapes = {"token_embd": (32, len(TOKENS)), "output_norm": (32,), "output": (32, len(TOKENS))}
shapes |= {f"blk.0.{name}": (32, 32) for name in square} | {f"blk.0.{name}": (32,) for name in ("attn_norm", "ffn_norm")}
out = b"GGUF" + struct.pack("<IQQ", 3, len(shapes), len(pairs)) + b"".join(pair(*item) for item in pairs.items())
offset = 0
for name, shape in shapes.items():
    out += text(name + ".weight") + struct.pack("<I", len(shape)) + struct.pack(f"<{len(shape)}Q", *shape)
    out += struct.pack("<IQ", 0, offset)
    offset += 4 * 32 * (shape[1] if len(shape) == 2 else 1)
out += b"\0" * (-len(out) % 32) + b"\0" * offset
open(sys.argv[1], "wb").write(out)
PYTHON
cat >"$work/ask.py" <<'PYTHON'
import http.client
import json
import os
import sys
import time

import xllamacpp

parameters = xllamacpp.CommonParams()
parameters.model.path = sys.argv[1]
parameters.port = 0
server = xllamacpp.Server(parameters)
host = server.listening_address.split("//")[1]


def request(connection, streams):
    body = json.dumps({"prompt": "?", "max_tokens": 3, "stream": streams})
    connection.request("POST", "/v1/completions", body, {"content-type": "application/json"})
    answer = connection.getresponse()
    answer.read()
    return answer


for name, streams in (("plain", False), ("streamed", True)):
    connection = http.client.HTTPConnection(host)
    # It would connect again by itself.
    connection.auto_open = 0
    connection.connect()
    head = request(connection, streams).headers
    assert "close" not in head.get("Connection", "")
    # Well within the 5 s.
    time.sleep(0.1)
    try:
        second = request(connection, streams).status
    except http.client.RemoteDisconnected as error:
        second = type(error).__name__
    except (BrokenPipeError, ConnectionResetError):
        second = "RemoteDisconnected"
    print(f"{name}: Keep-Alive: {head['Keep-Alive']}; the second request: {second}", flush=True)
os._exit(0)
PYTHON
cat >"$work/expected" <<'TEXT'
plain: Keep-Alive: timeout=5, max=100; the second request: 200
streamed: Keep-Alive: timeout=5, max=100; the second request: RemoteDisconnected
TEXT
"$work/venv/bin/python" "$work/model.py" "$work/model.gguf"
"$work/venv/bin/python" "$work/ask.py" "$work/model.gguf" >"$work/seen" 2>"$work/log" || cat "$work/log"
cat "$work/seen"
if ! diff "$work/expected" "$work/seen"; then
    echo "llama-cpp-keep-alive: it has changed" >&2
    exit 1
fi
echo "as told: xllamacpp 2026.10.11549"

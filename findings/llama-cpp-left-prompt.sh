#!/usr/bin/env bash
# llama.cpp's server of 2026-10 (in xllamacpp 2026.10.11549): a client that gives up while its
# prompt is read frees nothing.
#
# A guess: the server cancels the task of a client that has closed its connection, as it does
# between two tokens. The slot is free at once. A time limit on the first token, then, spares the
# server the call that was given up.
#
# What happens: a task is cancelled only when its prompt has been read. The server reads all of it,
# in batches of 2,048 tokens, and lets the slot go after that (ggml-org/llama.cpp#15232).
#
# Why it matters: with long prompts and a limit on the first token each call that is given up leaves
# its work behind. The retry waits behind it and is given up too. The server does nothing but read
# prompts that nobody waits for, and a circuit breaker's probes fail as well. Bound the prompt's
# length by what the server reads within the limit.
#
# Seen (one slot; the client leaves after three tokens, or when the first batch of a prompt of
# 20,000 tokens has been read):
#   left while tokens come: fewer than 100 tokens were made
#   left while the prompt is read: more than 80 % of the prompt was read
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
    "llama.context_length": 65536,
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
import socket
import sys
import time

import xllamacpp

parameters = xllamacpp.CommonParams()
parameters.model.path = sys.argv[1]
parameters.port = 0
parameters.n_parallel = 1
server = xllamacpp.Server(parameters)
host, port = server.listening_address.split("//")[1].split(":")


def slot():
    connection = http.client.HTTPConnection(host, port)
    connection.request("GET", "/slots")
    answer = json.loads(connection.getresponse().read())[0]
    connection.close()
    return answer


def ask(prompt):
    """A stream without an end, as a socket, so that closing it is all that there is of leaving."""
    body = json.dumps({"prompt": prompt, "stream": True, "ignore_eos": True, "n_predict": -1})
    connection = socket.create_connection((host, int(port)))
    head = f"POST /completion HTTP/1.1\r\nhost: localhost\r\ncontent-length: {len(body)}\r\n\r\n"
    connection.sendall((head + body).encode())
    return connection


def until_free(field):
    """The highest number of this field until the slot is free."""
    highest = 0
    while (now := slot())["is_processing"]:
        highest = max(highest, field(now))
        time.sleep(0.05)
    return highest


def decoded(now):
    return now["next_token"][0]["n_decoded"]


connection = ask("?")
seen = b""
while seen.count(b"data: ") < 3:
    seen += connection.recv(4096)
before = decoded(slot())
connection.close()
made = max(until_free(decoded) - before, 0)
print("left while tokens come:", "fewer than 100 tokens were made" if made < 100 else f"{made} tokens were made")

connection = ask("x" * 20_000)
while slot()["n_prompt_tokens_processed"] == 0:
    time.sleep(0.05)
connection.close()
share = until_free(lambda now: now["n_prompt_tokens_processed"]) / 20_000
said = "more than 80 %" if share > 0.8 else f"{share:.0%}"
print(f"left while the prompt is read: {said} of the prompt was read", flush=True)
os._exit(0)
PYTHON
cat >"$work/expected" <<'TEXT'
left while tokens come: fewer than 100 tokens were made
left while the prompt is read: more than 80 % of the prompt was read
TEXT
"$work/venv/bin/python" "$work/model.py" "$work/model.gguf"
"$work/venv/bin/python" "$work/ask.py" "$work/model.gguf" >"$work/seen" 2>"$work/log" || cat "$work/log"
cat "$work/seen"
if ! diff "$work/expected" "$work/seen"; then
    echo "llama-cpp-left-prompt: it has changed" >&2
    exit 1
fi
echo "as told: xllamacpp 2026.10.11549"

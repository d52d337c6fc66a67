"""Writes a GPT-2 of 1 MB that says one word again and again, for `transformers serve`: `gpt2.py DIRECTORY`.

All weights are 0 but those that make the word the likeliest token after everything. Needs nothing but Python.
"""

import json
import pathlib
import struct
import sys

WIDTH = 8
# Tokens are bytes, so a prompt has as many as characters.
POSITIONS = 32768
WORD = "\u0120breaker"
END = "<|end|>"
TEMPLATE = "{% for message in messages %}{{ message['role'] + ': ' + message['content'] + '\\n' }}{% endfor %}"


def byte_names():
    """The character that stands for each byte in a vocabulary of GPT-2."""
    plain = [*range(ord("!"), ord("~") + 1), *range(ord("\u00a1"), ord("\u00ac") + 1), *range(ord("\u00ae"), 256)]
    others = [byte for byte in range(256) if byte not in plain]
    return [chr(byte) for byte in plain] + [chr(256 + number) for number in range(len(others))]


def tensors(vocabulary):
    """Name: (shape, the places that are not 0)."""
    word = vocabulary[WORD] * WIDTH
    block = {
        "ln_1.weight": [WIDTH],
        "ln_1.bias": [WIDTH],
        "attn.c_attn.weight": [WIDTH, 3 * WIDTH],
        "attn.c_attn.bias": [3 * WIDTH],
        "attn.c_proj.weight": [WIDTH, WIDTH],
        "attn.c_proj.bias": [WIDTH],
        "ln_2.weight": [WIDTH],
        "ln_2.bias": [WIDTH],
        "mlp.c_fc.weight": [WIDTH, 4 * WIDTH],
        "mlp.c_fc.bias": [4 * WIDTH],
        "mlp.c_proj.weight": [4 * WIDTH, WIDTH],
        "mlp.c_proj.bias": [WIDTH],
    }
    # The last norm gives direction 0, whatever came before, and the output looks for the word in
    # that direction.
    return {
        "transformer.wte.weight": ([len(vocabulary), WIDTH], {word: 20.0}),
        "transformer.wpe.weight": ([POSITIONS, WIDTH], {}),
        **{f"transformer.h.0.{name}": (shape, {}) for name, shape in block.items()},
        "transformer.ln_f.weight": ([WIDTH], {}),
        "transformer.ln_f.bias": ([WIDTH], {0: 1.0}),
    }


def safetensors(tensors):
    head, data = {"__metadata__": {"format": "pt"}}, bytearray()
    for name, (shape, values) in tensors.items():
        size = 4 * shape[0] * (shape[1] if len(shape) == 2 else 1)
        head[name] = {"dtype": "F32", "shape": shape, "data_offsets": [len(data), len(data) + size]}
        begin = len(data)
        data += bytes(size)
        for place, value in values.items():
            struct.pack_into("<f", data, begin + 4 * place, value)
    text = json.dumps(head).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + data


def main():
    directory = pathlib.Path(sys.argv[1])
    directory.mkdir(parents=True, exist_ok=True)
    vocabulary = {name: number for number, name in enumerate([*byte_names(), WORD, END])}
    end = vocabulary[END]
    config = {
        "architectures": ["GPT2LMHeadModel"],
        "model_type": "gpt2",
        "vocab_size": len(vocabulary),
        "n_positions": POSITIONS,
        "n_embd": WIDTH,
        "n_layer": 1,
        "n_head": 1,
        "bos_token_id": end,
        "eos_token_id": end,
        "dtype": "float32",
    }
    levels = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    added = {"id": end, "content": END, "special": True}
    added |= {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False}
    tokenizer = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [added],
        "normalizer": None,
        "pre_tokenizer": levels,
        "post_processor": None,
        "decoder": levels,
        "model": {"type": "BPE", "vocab": vocabulary, "merges": []},
    }
    words = {"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": END, "chat_template": TEMPLATE}
    for name, content in {
        "config.json": config,
        "generation_config.json": {"bos_token_id": end, "eos_token_id": end},
        "tokenizer.json": tokenizer,
        "tokenizer_config.json": words | {"model_max_length": POSITIONS},
    }.items():
        (directory / name).write_text(json.dumps(content))
    (directory / "model.safetensors").write_bytes(safetensors(tensors(vocabulary)))


main()

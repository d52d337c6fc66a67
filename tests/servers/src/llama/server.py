"""Starts llama.cpp's HTTP server, and stays until it is ended.

`server.py NAME=VALUE ..`: names are those of llama.cpp's parameters, as xllamacpp has them. A parameter that is a
list or a set takes a value, and may come more than once.
"""

import signal
import sys

import xllamacpp


def set_parameter(parameters, name, text):
    *owners, last = name.split(".")
    for owner in owners:
        parameters = getattr(parameters, owner)
    before = getattr(parameters, last)
    if isinstance(before, list):
        value = [*before, text]
    elif isinstance(before, set):
        value = {*before, text}
    elif isinstance(before, bool):
        value = text == "true"
    else:
        value = type(before)(text)
    setattr(parameters, last, value)


def main():
    parameters = xllamacpp.CommonParams()
    for argument in sys.argv[1:]:
        name, _, value = argument.partition("=")
        set_parameter(parameters, name, value)
    server = xllamacpp.Server(parameters)
    print("listening on", server.listening_address, flush=True)
    signal.pause()


main()

#!/usr/bin/env bash
# pybreaker 1.4.1: `exclude=[NotFound]` of google-api-core 2.44.0 excludes every error.
#
# A guess: a class in `exclude` excludes errors of this class, as `except NotFound` would catch
# them.
#
# What happens: pybreaker looks for classes with `type(exclusion) is type`. A class with a metaclass
# of its own is none by that test. So pybreaker takes it for a predicate, and calls it with the
# error. `NotFound(error)` is a new exception, which is true. So each error, of any class, is
# excluded. An excluded error is a success, and sets the count of failures to zero.
#
# Why it matters: all errors of Google's clients (`google.api_core.exceptions`) have such a
# metaclass, as have exceptions that are an abstract class (`abc.ABCMeta`). One of them in `exclude`
# turns the breaker off, without an error or a log line. What helps is a predicate:
# `exclude=[lambda error: isinstance(error, NotFound)]`.
#
# Seen (every call raises `ServiceUnavailable`; `fail_max=3`):
#   exclude=[]: opens at failure 3
#   exclude=[KeyError]: opens at failure 3
#   exclude=[NotFound]: closed after 100 failures
#   exclude=[a class with ABCMeta]: closed after 100 failures
#   exclude=[lambda error: isinstance(error, NotFound)]: opens at failure 3
#
# Needs Python 3.10 or later with venv, and a registry of Python packages. Ends with 1 when the
# output is another one.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --disable-pip-version-check 'pybreaker==1.4.1' 'google-api-core==2.44.0'
cat >"$work/count.py" <<'PYTHON'
import abc

from google.api_core.exceptions import NotFound, ServiceUnavailable
from pybreaker import CircuitBreaker, CircuitBreakerError


class Refused(Exception, metaclass=abc.ABCMeta):
    pass


def down():
    raise ServiceUnavailable("down")


def show(title, exclude):
    breaker = CircuitBreaker(fail_max=3, exclude=exclude)
    for failure in range(1, 101):
        try:
            breaker.call(down)
        except CircuitBreakerError:
            print(f"exclude=[{title}]: opens at failure {failure}")
            return
        except ServiceUnavailable:
            pass
    print(f"exclude=[{title}]: {breaker.current_state} after 100 failures")


show("", [])
show("KeyError", [KeyError])
show("NotFound", [NotFound])
show("a class with ABCMeta", [Refused])
show("lambda error: isinstance(error, NotFound)", [lambda error: isinstance(error, NotFound)])
PYTHON
cat >"$work/expected" <<'TEXT'
exclude=[]: opens at failure 3
exclude=[KeyError]: opens at failure 3
exclude=[NotFound]: closed after 100 failures
exclude=[a class with ABCMeta]: closed after 100 failures
exclude=[lambda error: isinstance(error, NotFound)]: opens at failure 3
TEXT
"$work/venv/bin/python" "$work/count.py" >"$work/seen"
cat "$work/seen"
if ! diff "$work/expected" "$work/seen"; then
    echo "pybreaker-exclude-with-metaclass: it has changed" >&2
    exit 1
fi
echo "as told: pybreaker 1.4.1, google-api-core 2.44.0"

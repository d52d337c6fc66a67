"""Tests scripts/lib/workflow_commands.py: which commands it finds in a step."""

import sys
import unittest

# No `__pycache__` in the repository.
sys.dont_write_bytecode = True
from workflow_commands import commands, steps


class Commands(unittest.TestCase):
    def finds(self, step, *expected):
        self.assertEqual(sorted(commands(step)), sorted(expected), step)

    def test_a_line_has_its_first_word_and_each_script(self):
        self.finds("scripts/test all", "scripts/test")
        self.finds("cargo test -p breaker-core", "cargo")
        self.finds("A=1 time scripts/loom && bash scripts/fuzz", "scripts/loom", "bash", "scripts/fuzz")

    def test_a_block_has_each_line(self):
        self.finds("sudo apt-get update -q\nsudo env A=1 apt-get install \\\n  jq\n", "apt-get")
        self.finds("cargo build # all of it\n\n# nothing\nscripts/semver | tee log\n", "cargo", "scripts/semver", "tee")
        self.finds("if ! git diff; then\n  echo x\nfi\n", "git", "echo")
        self.finds("rustup toolchain install ${{ a || b }}; cargo test", "rustup", "cargo")

    def test_steps_without_a_command_are_left_out(self):
        jobs = {"a": {"steps": [{"uses": "actions/checkout@v4"}, {"run": "x"}]}, "b": {"uses": "c"}}
        self.assertEqual(list(steps({"jobs": jobs})), ["x"])


if __name__ == "__main__":
    unittest.main()

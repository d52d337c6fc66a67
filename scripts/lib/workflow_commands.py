"""Lists the commands of workflow files, one a line: the first word of each, and scripts they name.

Usage: workflow_commands.py FILE.. (needs ruamel.yaml). It reads one-line steps and blocks, and ends
with 1 where bash cannot read a step.
"""

import re
import subprocess
import sys

# What may precede a command: words of the shell, programs that run another one, and variables.
BEFORE = {
    "if", "then", "elif", "else", "while", "until", "do", "!", "{", "(", "sudo", "env", "exec", "time",
}
NO_COMMAND = {"fi", "done", "esac", "}", ")"}
VARIABLE = re.compile(r"[A-Za-z_]\w*=")


def commands(step):
    """The commands of a step, which may have several lines."""
    found = set()
    step = step.replace("\\\n", " ")
    # `${{ .. }}` is filled in by GitHub.
    step = re.sub(r"\$\{\{.*?\}\}", "expression", step)
    for line in step.splitlines():
        for part in re.split(r"&&|\|\|?|;", re.sub(r"(^|\s)#.*", "", line)):
            words = part.split()
            found.update(word for word in words if word.startswith("scripts/"))
            while words and (words[0] in BEFORE or VARIABLE.match(words[0])):
                del words[0]
            if words and words[0] not in NO_COMMAND:
                found.add(words[0])
    return found


def steps(workflow):
    """What a workflow runs."""
    for job in workflow["jobs"].values():
        for step in job.get("steps", []):
            if "run" in step:
                yield step["run"]


def main(paths):
    from ruamel.yaml import YAML

    found = set()
    for path in paths:
        with open(path, encoding="utf-8") as file:
            workflow = YAML(typ="safe").load(file)
        for step in steps(workflow):
            if subprocess.run(["bash", "-n"], input=step, text=True).returncode:
                print(f"{path}: bash cannot read this step:\n{step}", file=sys.stderr)
                return 1
            found |= commands(step)
    print("\n".join(sorted(found)))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""Write a commented walert.yaml and rules/walert.yaml into the current folder. What is there already stays as it is.

With --config F the configuration is F, and the rules are beside it.
"""

from __future__ import annotations

import argparse
import os
import shlex

from walert.cli.exits import FINE, PROBLEMS, USAGE, ExitCode

CONFIG = """\
# yaml-language-server: $schema={config_schema}
# What walertd follows, by which rules, and whom it tells. `walert check` finds mistakes in it.

watch:                                  # every *.jsonl below, and the formats walert knows by name
  - runs/
  # - ~/.local/share/walert/runs/       # where walert.init() writes without init(dir="runs") or $WALERT_DIR
  # - {{path: "/scratch/*/result.json", project: tune}}

rules:
  - rules/*.yaml
  - pack:training                       # ships with walert: `walert packs`

receivers:                              # any URL that Apprise knows; ${{NAME}} comes from the environment
  console: {{url: "console://"}}
  # ml-team: {{url: "${{SLACK_URL}}", min_level: WARN}}   # https://hooks.slack.com/services/… works as it is
  # me: {{url: "mailtos://user:${{MAIL_PASSWORD}}@mail.example.com?to=me@example.com", min_level: ERROR}}

# routes:                               # a rule's own receivers come first, then these, then the default ones
#   - {{project: "vision-*", receivers: [ml-team]}}
#   - {{level: ERROR, receivers: [me]}}

default_receivers: [console]
"""

RULES = """\
# yaml-language-server: $schema={rules_schema}
# When to alert. Every metric that a run logs can be named: loss, train/loss, m["eval/top-1 acc"].
version: 1
defaults: {{level: WARN, wait_duration: 5m}}

rules:
  - title: Low accuracy
    when: acc < 0.8 and step > 1000
    for: 3                              # three samples in a row
    clear: acc > 0.82
    text: "acc {{acc:.3f}} is under 0.8 at step {{step}} of {{run}}"
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """`walert init` takes no arguments of its own."""


def main(args: argparse.Namespace) -> int:
    """Write both files. Exit code 0, or 1 when one was there already."""
    from walert import resources

    schemas = {
        "config_schema": _url(resources.schema_path("config")),
        "rules_schema": _url(resources.schema_path("rules")),
    }
    written = [
        _write(config := args.config or "walert.yaml", CONFIG.format(**schemas)),
        _write(os.path.join(os.path.dirname(config), "rules", "walert.yaml"), RULES.format(**schemas)),
    ]
    named = f" --config {shlex.quote(config)}" if args.config else ""
    if any(written):
        print(f"Next: `walert check{named}`, then `walertd{named}`.")
    return FINE if all(written) else PROBLEMS


def _url(path: object) -> str:
    return f"file://{path}"


def _write(path: str, text: str) -> bool:
    try:
        if os.path.dirname(path):
            os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as error:
        if error.filename != path:  # what should be the folder is a file
            raise ExitCode(USAGE, f"walert: {path} cannot be written: {error.filename} is no folder.") from None
        print(f"{path} is there already: left as it is")
        return False
    except OSError as error:
        raise ExitCode(USAGE, f"walert: {path} cannot be written: {error.strerror}.") from None
    print(f"wrote {path}")
    return True

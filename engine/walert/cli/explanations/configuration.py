"""Codes of walert.yaml."""

from __future__ import annotations

from walert.cli.explanations.values import Explanation

ENTRIES = (
    Explanation(
        "bad-quiet",
        "Quiet hours that end when they begin would be none, or all day.",
        'receivers: {me: {url: "console://", quiet: {from: "22:00", to: "22:00"}}}\n',
        'receivers: {me: {url: "console://", quiet: {from: "22:00", to: "07:00"}}}\n',
        "config",
    ),
    Explanation(
        "bad-regex",
        "`prefix` of a watch entry is a regular expression for what stands before the JSON of each line, and this "
        "is none.",
        'watch:\n  - {path: logs, prefix: "(unclosed"}\n',
        'watch:\n  - {path: logs, prefix: "[A-Z]+: "}\n',
        "config",
    ),
    Explanation(
        "bad-variable",
        "A variable is written ${NAME} or ${NAME:-default}. A plain ${ is written $${.",
        'receivers: {me: {url: "json://${my host}"}}\n',
        'receivers: {me: {url: "json://${MY_HOST:-localhost}"}}\n',
        "config",
    ),
    Explanation(
        "empty-url",
        "The URL came out empty: it is, or a variable in it is set to nothing.",
        'receivers: {me: {url: " "}}\n',
        'receivers: {me: {url: "json://localhost"}}\n',
        "config",
    ),
    Explanation(
        "heartbeat-url",
        "A heartbeat is a web address that walertd calls as long as everything moves: it begins with https:// or "
        "http://.",
        'heartbeat: {url: "slack://a/b/c"}\n',
        'heartbeat: {url: "https://hc.example/ping"}\n',
        "config",
    ),
    Explanation(
        "no-home",
        "A path begins with ~ or ~NAME, and whose home folder that is cannot be told: there is no user of that name, "
        "or, in a container, the user has no entry and HOME is not set.",
        "state: ~nobody-of-this-name/walert.db\n",
        "state: /var/lib/walert/walert.db\n",
        "config",
    ),
    Explanation(
        "no-rule-files",
        "A pattern under `rules` matches no file. Patterns are relative to the file that holds them. In "
        "walert.yaml it is a warning, since rules may still be written; in a test file it is an error.",
        "rules: [rulez/*.yaml]\n",
        'rules: ["pack:training"]\n',
        "config",
        "error or warning",
    ),
    Explanation(
        "receiver-url",
        "A receiver's URL begins with the name of a service that Apprise knows: slack://, mailtos://, or the "
        "service's own web address. The rest of it is a secret and is never repeated.",
        'receivers: {me: {url: "slak://a/b/c"}}\n',
        'receivers: {me: {url: "slack://a/b/c"}}\n',
        "config",
    ),
    Explanation(
        "unknown-pack",
        "No pack of this name ships with walert: `walert packs` lists them.",
        'rules: ["pack:trainig"]\n',
        'rules: ["pack:training"]\n',
        "config",
    ),
    Explanation(
        "unknown-zone",
        "A time zone is a name of the IANA database, such as Europe/Berlin. A host without that database knows only UTC.",
        'receivers: {me: {url: "console://", quiet: {from: "22:00", to: "07:00", zone: Berlin}}}\n',
        'receivers: {me: {url: "console://", quiet: {from: "22:00", to: "07:00", zone: Europe/Berlin}}}\n',
        "config",
    ),
    Explanation(
        "unset-variable",
        "The variable is neither in the environment nor a file in $CREDENTIALS_DIRECTORY. Set it where walertd "
        "runs, or give a default.",
        'receivers: {me: {url: "${WALERT_EXAMPLE_URL}"}}\n',
        'receivers: {me: {url: "${WALERT_EXAMPLE_URL:-console://}"}}\n',
        "config",
    ),
)  # fmt: skip

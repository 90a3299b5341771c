"""The text of the systemd unit: what walertd needs, and nothing else.

What it is not given, and why: `ProtectProc=` and `ProcSubset=` would hide the processes of runs, which would count as crashed; `IPAddressDeny=`
would cut off the receivers. In a user's unit, whatever drops capabilities (`PrivateDevices=`, `ProtectClock=`, `ProtectKernelModules=`,
`ProtectKernelLogs=`, `CapabilityBoundingSet=`) fails with 218/CAPABILITIES, since a user's service manager has none.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

STATE_ROOT = "/var/lib/"

_BOTH = """
# What walertd may do: read everything, write its state, speak to the receivers.
NoNewPrivileges=yes
ProtectSystem=strict
ProtectHome=read-only
PrivateUsers=yes
ProtectKernelTunables=yes
ProtectControlGroups=yes
LockPersonality=yes
MemoryDenyWriteExecute=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources
SystemCallErrorNumber=EPERM
KeyringMode=private
UMask=0077
"""

_SYSTEM = """
DynamicUser=yes
# Logs that not everybody may read: name the group that may.
#SupplementaryGroups=
CapabilityBoundingSet=
AmbientCapabilities=
PrivateDevices=yes
PrivateMounts=yes
ProtectClock=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
"""


@dataclass(frozen=True, slots=True)
class Unit:
    """What a unit is made of. Paths are absolute; `command` is walertd with its arguments.

    `state` is the folder of the state file; `secrets` are (name, file) of the variables that the configuration takes from outside;
    `shares_tmp` tells that something lies in /tmp, of which a unit otherwise gets one of its own. `environ` says where
    walert's things are.
    """

    system: bool
    command: Sequence[str]
    state: str
    secrets: Sequence[tuple[str, str]] = ()
    shares_tmp: bool = False
    environ: Sequence[tuple[str, str]] = ()

    def text(self) -> str:
        """The unit file."""
        return "\n".join([*self._unit(), "", *self._service(), "", *self._install(), ""])

    def _unit(self) -> Iterator[str]:
        yield "[Unit]"
        yield "Description=walert: alerts for model training"
        if self.system:
            yield from ("Wants=network-online.target", "After=network-online.target")
        yield "StartLimitIntervalSec=0"

    def _service(self) -> Iterator[str]:
        yield from ("[Service]", "Type=notify", "NotifyAccess=main")
        yield f"ExecStart={' '.join(command_word(word) for word in self.command)}"
        yield "ExecReload=kill -HUP $MAINPID"
        yield from ("Restart=on-failure", "RestartSec=10s")
        yield "# Told that all is well only while passes complete, commits succeed and every receiver's worker turns."
        yield "WatchdogSec=60s"
        yield "# A large state file is checked, and brought up to date, before anything else."
        yield "TimeoutStartSec=5min"
        yield "# SIGTERM gives the messages under way ten seconds, and as many to who hangs."
        yield from ("TimeoutStopSec=45s", "KillMode=mixed", "LimitNOFILE=65536", "")
        yield from self._places()
        yield from _secrets(self.secrets)
        yield from _BOTH.splitlines()
        if not self.shares_tmp:
            yield "PrivateTmp=yes"
        if self.system:
            yield from _SYSTEM.splitlines()

    def _places(self) -> Iterator[str]:
        yield "# The one place that is written to; the other tells training code who follows its folder."
        if self.system:
            yield f"StateDirectory={path_word(self.state.removeprefix(STATE_ROOT))}"
            yield "StateDirectoryMode=0750"
            yield f"Environment=XDG_STATE_HOME={STATE_ROOT.rstrip('/')}"
        else:
            yield f"ReadWritePaths={path_word(self.state)}"
            yield from (f"Environment={path_word(f'{name}={value}')}" for name, value in self.environ)
        yield from ("RuntimeDirectory=walert", "RuntimeDirectoryMode=0755")

    def _install(self) -> Iterator[str]:
        yield from ("[Install]", f"WantedBy={'multi-user.target' if self.system else 'default.target'}")


def _secrets(secrets: Iterable[tuple[str, str]]) -> Iterator[str]:
    yield ""
    yield "# ${NAME} in walert.yaml is the content of a credential of that name; the environment would show it to other processes."
    found = False
    for name, file in secrets:
        found = True
        yield f"LoadCredential={name}:{path_word(file)}"
    if not found:
        yield "#LoadCredential=SLACK_URL:/path/to/a/file/that/only/the/owner/reads"


def path_word(path: str) -> str:
    """A path as a setting takes it: `%` begins a specifier, blanks part words."""
    text = path.replace("\\", "\\\\").replace("%", "%%").replace('"', '\\"')
    return f'"{text}"' if any(c.isspace() or c in "'\";" for c in path) else text


def command_word(word: str) -> str:
    """The same in a command line, where `$` begins a variable."""
    return path_word(word.replace("$", "$$"))

"""`heartbeat:` of walert.yaml: a URL that is called as long as everything moves, so that somebody hears when nobody can be told any more.

Called in a thread of its own, which no pass waits for. The URL is a secret: no log, no reason and no error holds any of it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from walert.clock import Clock
from walert.config import Heartbeat as HeartbeatConfig

TIMEOUT = 10.0  # seconds that a call may take
T_LOOK = 1.0  # seconds between looks while something does not move


@dataclass(frozen=True, slots=True)
class HeartbeatStatus:
    """What became of the calls since the start.

    `last` is when one was answered, Unix seconds; `reason` why the newest was not made or not answered.
    """

    every: float
    answered: int = 0
    failed: int = 0
    last: float | None = None
    reason: str | None = None


class Heartbeat:
    """Calls the URL every so often, unless `wrong` names what does not move; then as soon as it moves again."""

    def __init__(
        self,
        wrong: Callable[[float], str | None],
        tell: Callable[[str, str], None],
        clock: Clock,
        *,
        timeout: float = TIMEOUT,
    ) -> None:
        """`wrong` is given monotonic seconds; `tell` a kind and a sentence, for the log."""
        self._wrong = wrong
        self._tell = tell
        self._clock = clock
        self._timeout = timeout
        self._changed = threading.Condition()
        self._config: HeartbeatConfig | None = None
        self._ended = False
        self._thread: threading.Thread | None = None
        self._answered = self._failed = 0
        self._last: float | None = None
        self._reason: str | None = None
        self._topic: str | None = None

    def configure(self, config: HeartbeatConfig | None) -> None:
        """Call this one from now on; None calls nobody."""
        with self._changed:
            if config == self._config:
                return
            self._config = config
            self._changed.notify_all()
        if config is not None and self._thread is None:
            self._thread = threading.Thread(target=self._run, name="walert-heartbeat", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """Call nobody any more. A call under way is not waited for."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    @property
    def status(self) -> HeartbeatStatus | None:
        """What became of the calls; None when none are asked for."""
        config = self._config
        if config is None:
            return None
        return HeartbeatStatus(config.every, self._answered, self._failed, self._last, self._reason)

    def _run(self) -> None:
        while not self._ended:
            config = self._config
            if config is None:
                self._sleep(None, config)
            elif (wrong := self._wrong(self._clock.monotonic())) is not None:
                self._note("held back", wrong, f"the heartbeat is held back: {wrong}")
                self._sleep(min(T_LOOK, config.every), config)
            else:
                self._call(config)
                self._sleep(config.every, config)

    def _sleep(self, seconds: float | None, config: HeartbeatConfig | None) -> None:
        """Until another configuration comes, or for so long."""
        with self._changed:
            self._changed.wait_for(lambda: self._ended or self._config is not config, seconds)

    def _call(self, config: HeartbeatConfig) -> None:
        failed = called(config.url, self._timeout)
        if failed is None:
            self._answered += 1
            self._last = self._clock.now()
            self._note(None, None, "the heartbeat is answered again")
        else:
            self._failed += 1
            self._note(failed, failed, f"the heartbeat was not answered ({failed}): it goes on being called")

    def _note(self, topic: str | None, reason: str | None, text: str) -> None:
        """Keep the reason, and tell of another topic, once. None is the topic of all being well."""
        before, self._topic = self._topic, topic
        self._reason = reason
        if topic != before:
            self._tell("heartbeat", text)


def called(url: str, timeout: float) -> str | None:
    """Call `url`; why there was no answer of success, or None. The reason is made of status codes and names, never of the URL."""
    import urllib.error
    import urllib.request

    if not url.lower().startswith(("http://", "https://")):
        return "its URL is no web address"
    try:
        request = urllib.request.Request(url, headers={"User-Agent": "walert"})
        with urllib.request.urlopen(request, timeout=timeout) as answer:
            answer.read(1)
    except urllib.error.HTTPError as error:
        error.close()
        return f"HTTP status {error.code}"
    except urllib.error.URLError as error:
        return _named(error.reason)
    except Exception as error:  # whatever a URL or a server makes of it: the next call may work
        return _named(error)
    return None


def _named(error: object) -> str:
    """The class and what the system says: the text of anything else may repeat the URL."""
    import ssl

    said = error.strerror if isinstance(error, OSError) and not isinstance(error, ssl.SSLError) else None
    return f"{type(error).__name__}: {said}" if said else type(error).__name__

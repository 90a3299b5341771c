"""Slack as a process sees it from behind a company's proxy: HTTPS_PROXY leads to loopback, and there hooks.slack.com answers.

Nothing of walert or Apprise is changed for it: the URL is the one that Slack hands out.
"""

from __future__ import annotations

import os
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import trustme
from loopback import HttpsServer, https_server

HOOK = "https://hooks.slack.com/services/T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7"


class Proxied(HttpsServer):
    """Every CONNECT leads here, whatever host it asks for."""

    def finish_request(self, request: Any, client_address: Any) -> None:
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            if not (byte := request.recv(1)):
                return
            head += byte
        request.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        super().finish_request(request, client_address)


class Side:
    """The servers of a test and the environment in which a process reaches and trusts them."""

    def __init__(self, folder: Path) -> None:
        self._ca = trustme.CA()
        self._folder = folder
        bundle = folder / "ca.pem"
        self._ca.cert_pem.write_to_path(str(bundle))
        self.environ = {
            "REQUESTS_CA_BUNDLE": str(bundle),
            "SSL_CERT_FILE": str(bundle),
            "NO_PROXY": "localhost,127.0.0.1",
        }

    def context(self, *names: str) -> ssl.SSLContext:
        """A server's side of TLS for these names."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._ca.issue_cert(*names).configure_cert(context)
        return context

    @contextmanager
    def slack(self) -> Iterator[HttpsServer]:
        """hooks.slack.com."""
        with https_server(self.context("hooks.slack.com"), Proxied) as server:
            self.environ["HTTPS_PROXY"] = f"http://127.0.0.1:{server.server_port}"
            yield server

    @contextmanager
    def hooks(self) -> Iterator[HttpsServer]:
        """A server for `url(path)`, which takes what Apprise's JSON service posts."""
        with https_server(self.context("localhost")) as server:
            yield server


def url(server: HttpsServer, path: str) -> str:
    """The receiver's URL of a path on `hooks()`."""
    return f"jsons://localhost:{server.server_port}{path}"


def clean() -> dict[str, str]:
    """This process's environment without proxies and without what a run or a daemon would read."""
    return {k: v for k, v in os.environ.items() if not k.upper().endswith("_PROXY") and not k.startswith("WALERT_")}

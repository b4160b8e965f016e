"""The address to serve on."""

import errno
import ipaddress
import socket

from promptlathe.errors import UsageError


def listen(host: str, port: int) -> socket.socket:
    """The bound socket. Raises UsageError, one line for each thing that can be wrong."""
    try:
        family, kind, proto, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except socket.gaierror:
        raise UsageError(f"there is no address {host}", hint="127.0.0.1 is this machine alone") from None
    bound = socket.socket(family, kind, proto)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind(address)
        bound.listen(2048)
    except OSError as error:
        bound.close()
        raise UsageError(f"cannot listen on {host}:{port}: {_reason(error)}", hint=_hint(error)) from None
    bound.set_inheritable(False)
    return bound


def _reason(error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return "another program does"
    return error.strerror or "refused"


def _hint(error: OSError) -> str:
    if error.errno == errno.EADDRNOTAVAIL:
        return "that is no address of this machine"
    return "give another --port"


def is_loopback(name: str) -> bool:
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return name == "localhost"

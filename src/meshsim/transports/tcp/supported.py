"""What of Python's sockets is simulated: the table from which the documents are made.

Each row is (what, how far). What is not in it raises `UnsupportedOperation` or the fence's error by name.
"""

from __future__ import annotations

from typing import Final

SUPPORTED: Final = {
    "socket.socket": "AF_INET, AF_INET6, AF_UNIX; SOCK_STREAM, SOCK_DGRAM; subclasses too",
    "blocking": "blocking, with a timeout, not blocking; errors as Linux gives them",
    "connect, connect_ex, bind, listen, accept": "backlog: a SYN that finds it full is not answered",
    "send, sendall, sendto, sendmsg, sendfile": "no ancillary data; a full window holds a fast sender up",
    "recv, recv_into, recvfrom, recvfrom_into, recvmsg, recvmsg_into": "MSG_PEEK, MSG_WAITALL, MSG_DONTWAIT",
    "makefile, dup, detach, fileno, shutdown, close": "half-closes, resets (unread data, SO_LINGER 0)",
    "setsockopt, getsockopt": "kept; SO_ERROR, SO_TYPE, SO_LINGER, SO_ACCEPTCONN mean something",
    "socketpair, os.pipe": "in memory; os.read, os.write, os.close, os.set_blocking, fcntl work on them",
    "create_connection, create_server": "the standard library's own",
    "getaddrinfo, gethostbyname(_ex), gethostbyaddr, getnameinfo": "names and addresses of the world",
    "setdefaulttimeout": "a process",
    "select.select, select.poll, select.epoll": "with EPOLLET and EPOLLONESHOT; real descriptors beside them",
    "selectors": "every class, also made before the world",
    "socketserver, http.server, wsgiref, http.client, urllib": "the standard library's own",
    "asyncio": "streams, servers, datagrams, start_tls, add_reader, sock_*; loops made before the world too",
    "ssl": "SSLContext.wrap_socket and wrap_bio, with real certificates, on OpenSSL's own clock and randomness",
    "the http room": "plain clients call its servers and plain servers its clients, in HTTP/1.1 without TLS",
    "attach: HOST:PORT": "a real server behind a simulated link",
}

UNSUPPORTED: Final = {
    "SOCK_RAW, AF_NETLINK, AF_VSOCK, ...": "UnsupportedOperation",
    "MSG_OOB, MSG_ERRQUEUE, ancillary data (descriptors over AF_UNIX)": "UnsupportedOperation",
    "SO_REUSEPORT between two listeners of a host": "EADDRINUSE; run replicas instead",
    "SO_RCVBUF, SO_SNDBUF, TCP_NODELAY, SO_KEEPALIVE": "kept, without effect",
    "TIME_WAIT": "a port is free as soon as its listener is closed",
    "a bound address": "a listener on 127.0.0.1 is reached from other hosts too, as the http room's are",
    "broadcast and multicast": "the fence: no such address in the world",
    "TLS to a server of the http room": "UnsupportedOperation; requests and httpx speak https with it",
    "files at AF_UNIX paths": "none is made; a path is known to its own host only",
    "_socket.socket, socket.SocketType called directly": "real sockets, which the fence does not see",
}

__all__ = ["SUPPORTED", "UNSUPPORTED"]

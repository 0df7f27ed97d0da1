"""The tcp room: sockets, names, selectors and TLS, so that any pure-Python client or server speaks real bytes.

socket       `socket.socket` for a task; flags: MSG_PEEK and the like
stream       a stream socket as the system sees it: states, buffers, pending errors
datagram     a datagram socket
options      setsockopt and getsockopt
local, pipe  streams that stay on their machine: pairs, paths, pipes
ports        which ports and paths of a machine are taken
addresses    what programs write and what the network knows; resolver: getaddrinfo and its relatives
select       select, poll, epoll; system: os.read, os.write, ... on simulated descriptors
bridge       to rooms that speak whole messages
tls          a TLS session over memory
outside      real connections at the end of simulated ones
seam         what is replaced; seam_tls: in `ssl`; seam_asyncio: in asyncio
errors       the number that each outcome of the network has
supported    what of it all is there, as a table
"""

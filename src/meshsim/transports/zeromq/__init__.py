"""The zeromq room: pyzmq's sockets as patterns in Python over the mesh's connections; libzmq is never started.

numbers            libzmq's numbers by name; errors: pyzmq's exceptions for them
addresses          what an address means; options: what a socket was told
context            which sockets belong together, and what they share a world
socket             a socket: calls that block; waiting: its descriptor and its time
endpoints          what a socket has bound and connected; binding: listening; connector: dialling
patterns/          what each socket type does, with fair queuing, round robin and subscriptions
pipes, link        the queue between a socket and a peer: within a context, and over the network
handshake          ZMTP's greeting, before a pipe is there
monitor, poller    events of a socket; waiting for several; proxy: forwarding between two
frames             pyzmq's objects to frames of bytes
exchange           what the trace is told
seam               pyzmq's classes; seam_context, seam_socket, seam_messages, seam_polling: their methods;
                   seam_green: zmq.green; seam_originals: what they were; rooms: when they are patched
instances          what pyzmq keeps by address or by process
supported          what of it all is there, as a table
"""

"""One room a protocol, all of one shape.

seam         where the client library is replaced: the only file, with `errors`, that imports it
codec        library objects <-> messages
server       the fake peer, sans-IO: messages in, messages out
errors       a network outcome -> that library's real exception
supported    what of the protocol is there, as a table

registry     the rooms that are installed
"""

"""The grpc room: `grpc` and `grpc.aio`, channels and servers, from unchanged code and generated stubs.

grpcio's own Python code runs above a core of ours, which stands where its C core stood:

wire               what gRPC is on the simulated wire, and how many bytes it would be
status, texts      the statuses, and what core says of what went wrong
metadata           metadata, checked as core checks it
target, ports      the names that channels are made for, and the ports that servers take
policy             options, service config, retries
channel            a channel, sans-IO: connectivity, back-off, who waits for a connection
pipe               a client's connection; attempt: a stream on it; call: a call, perhaps of several attempts
server             the server's side, sans-IO: connections and calls; served: one call
interception       faults at calls, and stubs, before a server sees a call
notes              what the trace is told
seam               which names of the library are replaced; the only thing that a world needs to know
seam_channel       `cygrpc.Channel`; batches: its operations; credentials: what calls are signed with
seam_server        `cygrpc.Server` and its completion queue
seam_unary_client  unary calls without the locks that threads need; seam_unary_server: the same at the server
seam_waiting       waits without slices
seam_aio_channel   `cygrpc.AioChannel`; loops: the way to an event loop
seam_aio_server    `cygrpc.AioServer`; seam_aio_context: what its handlers are given
seam_pools         protobuf's default pool, one a process
supported          what of it all is there, as a table
"""

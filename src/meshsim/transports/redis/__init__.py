"""The redis room: redis-py, blocking and asyncio, as clients; Redis and Sentinel as servers.

engine             a private copy of fakeredis on the world's clock and dice
requests, codec    RESP on the wire: commands of clients in, replies of the server out
server             a Redis server, sans-IO; session: one client of it; database: one numbered database
dispatch           from words to the engine's function; precedence: which of two mistakes is told; shapes: reply types
commands/          what the engine lacks or answers otherwise than Redis
scripting          the Lua that scripts see; prelude: its globals; cjson; numbers: long doubles; lcs
settings, info     CONFIG and INFO
replication        masters and replicas, lag, failover
sentinel           a Sentinel, sans-IO
seam               redis-py's connections; seam_asyncio: those of redis.asyncio; rooms: when they are patched
wire               a client's end of a connection, as a socket and as a transport; addresses: of Unix sockets
exchange           what the trace is told
errors             what a client sees of the network's outcomes
supported          what of it all is there, as a table, and where answers differ from a real server's
"""

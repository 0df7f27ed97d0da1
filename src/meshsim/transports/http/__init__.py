"""The http room: `requests`, urllib3 and `httpx` as clients; WSGI and ASGI as servers.

codec              what HTTP is on the simulated wire, and how many bytes it would be
wire               a client's end of a connection, raising what sockets raise
errors             what a client sees of the network's outcomes
calls              what the trace is told
seam               which libraries are replaced where; the only thing that a world needs to know
seam_requests      urllib3's pools over the mesh; reply: the response that urllib3 reads
seam_httpx         httpcore's pools over the mesh, blocking; seam_httpx_async: for asyncio; exchange: both
seam_servers       `app.run()`, `make_server()`, `uvicorn.run()` bind to the mesh
server             the server's side, sans-IO: connections, queueing, exchanges
wsgi, asgi         exchanges answered by an application
stubs              answers without an application: responses' matchers and registries
supported          what of it all is there, as a table
"""

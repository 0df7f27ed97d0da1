"""PySOA services in a meshsim scenario, in the order in which a run meets them.

adapter     the word `pysoa`: checks its options, boots a server, makes clients
brokers     the platform service where clients and servers meet, as PySOA's settings say it
generated   the settings module of a server that brings none
launcher    what `python -m orders.standalone` does on a host
rooms       which patch goes with which of PySOA's modules
own         what PySOA keeps once a process, once a host instead
syslog      the port of a host to which PySOA's default settings log
calls       a call in the trace for each action of a job
seam_transport, seam_server, seam_local
            where jobs and answers are seen passing; nothing of PySOA is changed or done instead of it
"""

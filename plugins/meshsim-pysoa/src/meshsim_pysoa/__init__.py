"""PySOA services in a meshsim scenario, in the order in which a run meets them.

adapter     the word `pysoa`: checks its options, boots a server, makes clients
brokers     the platform service where clients and servers meet, as PySOA's settings say it
generated   the settings module of a server that brings none
launcher    what `python -m orders.standalone` does on a host
rooms       which patch goes with which of PySOA's modules
own         what PySOA keeps once a process, once a host instead
draws       what PySOA draws on the host `test`, from the world's seed
syslog      the port of a host to which PySOA's default settings log
fate        what becomes of a job before its server sees it: stubs and faults at its actions
stubs       answers of a test's own, instead of a service's
replies     what a test or a fault says, as PySOA's own objects
calls       a call in the trace for each action of a job
seam_transport, seam_server, seam_local
            where jobs and answers are seen passing; only a stub or a fault acts instead of PySOA
"""

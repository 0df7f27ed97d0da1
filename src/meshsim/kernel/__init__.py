"""Tasks on virtual time: one runs at a time, and every choice between them comes from the seed.

state       the one current world; everything that is patched reads it
host        a simulated machine; process: one boot of it, with its own environment and modules
task        one flow of a process, carried by a greenlet or by a thread
scheduler   the hub: event queue, ready tasks, time that jumps
policy      which ready task runs next
carriers/   what a task runs on (the only place that imports greenlet)
parking     how tasks wait for each other
lock        locks that park a task and still exclude real threads
stuck       what the reports of a deadlock, a livelock and the watchdog say
watchdog    a signal that finds the step which holds the thread
patches/    one file a boundary of the operating system
api         what the rooms call
"""

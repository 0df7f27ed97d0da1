"""One file a boundary of the operating system; each offers `patches() -> list[Patch]`.

patch       what a patch is, how a set of them is applied and taken back
names       rebinding: names that modules bound before the world, or during it
locks       locks that were made before the world
time        clocks and sleep
threading   threads, locks, queues, identities
asyncio     event loops and selectors
uvloop      its loops, which live in C
random      entropy
process     environment, directory, pid, host name, exit
signals     handlers, alarms
masks       signals that are blocked and waited for
modules     private modules a host
sockets     the fence: what would leave the simulation
late        patches of libraries that are imported only later
"""

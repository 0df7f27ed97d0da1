"""The ground that everything stands on: standard library only, no task, no world.

units      durations, sizes, rates, probabilities: text <-> numbers
latency    distributions of time: text -> one integer of nanoseconds a draw
selector   `[CALLER ->] TARGET[/N] [OPERATION]`, the one form that names calls
operation  what a call asks for: `POST /orders/{id}` or a bare name
names      hosts, replicas and the nearest known name
streams    one seed -> one labelled random stream a purpose
tape       the choices of a run, recorded
"""

"""What services find already running: one room a platform service.

registry    the word in a scenario -> the class that provides it
redis/      Redis servers, and Sentinel with failover
external/   outside APIs, answered by stubs
"""

"""Hosts, links and packets: `rules.Rule` -> `verdict.Verdict` is where a packet's fate is decided.

packet      what travels
verdict     what a rule says of a packet
rules       the one extension point: partition, loss, latency, refuse, ...
link        the standing properties of the way between two parties
names       which hosts a name means
connection  an ordered stream of messages between two hosts
fabric      all of it: resolve, connect, send
outcome     what can go wrong, before a room turns it into its library's exception
"""

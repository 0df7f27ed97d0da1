"""Adapters: how the code of a service becomes a process on a host.

adapter     what every adapter has
registry    word -> adapter: the built-in ones, and those that plugins bring
loading     the object that a scenario names
wsgi        Flask, Django and every other WSGI application
asgi        FastAPI, Starlette and every other ASGI application
program     `python`: any function, module or script
frameworks  errors that a framework answers by itself and nobody would hear of
boot        boots services on their hosts, and again after a crash
"""

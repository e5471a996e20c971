"""The page in the browser and the HTTP API behind it: a process of its own, and a client of the service's socket.

It decides nothing: pictures are the service's, orders go to the service. What it owns is who may ask (tokens), and how
bytes reach browsers.
"""

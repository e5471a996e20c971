"""The socket that serves one picture and takes orders.

client ──frame──▶ connection ──▶ verbs ──▶ requests (read and checked) ──▶ questions ──▶ pictures
                                                                      └──▶ orders ──▶ Supervisor ──▶ verdicts
Metrics ──Snapshot──▶ server ──packed once──▶ every subscriber's connection
"""

"""What a state means and what follows from a policy, in sentences. Pure.

history ──events──▶ what led here     policy, arithmetic ──▶ what it says     outlook ──▶ what comes, what to do
account: all of these, as `why` prints them     filter: which workers are looked for
"""

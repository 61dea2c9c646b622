"""Faults at each single call that the product's own code makes to the C library about its files.

`shim.c` is loaded by LD_PRELOAD. It numbers the calls, and makes a chosen one fail: with an error, in part done, or
with the process's death. `control.py` builds it and says what shall fail, `scenarios.py` is what the product does
meanwhile, `oracle.py` compares what is stored with what was acknowledged, `server.py` forks a process a fault, and
`../test_faults_at_every_call.py` goes through all of them.

To look at one fault by itself, with what the processes wrote:

    python -m tests.durability.shim append --list
    python -m tests.durability.shim append --at 57 --kind error --error EIO
"""

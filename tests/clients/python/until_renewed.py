"""Prints what a client has; where it is to show a renewal, again when that has changed."""
import os
import time


def until_renewed(have, grow_older=None):
    """`grow_older` moves the client's clock, once new credentials are there to be fetched."""
    first = have()
    print(first, flush=True)
    if "ROLECALL_TEST_RENEWAL" not in os.environ:
        return
    for second in range(40):
        if second == 16 and grow_older is not None:
            grow_older()
        time.sleep(1)
        if have() != first:
            print(have(), flush=True)
            return

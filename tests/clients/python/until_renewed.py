"""Prints what a client has; where it is to show a renewal, again when that has changed."""
import os
import time


def until_renewed(have, grow_older=None):
    """`grow_older` moves the client's clock, once new credentials are there to be fetched."""
    first = have()
    print(first, flush=True)
    renewed = os.environ.get("TEST_RENEWAL")
    if renewed is None:
        return
    for _ in range(60):
        if grow_older is not None and os.path.exists(renewed):
            grow_older()
            grow_older = None
        time.sleep(1)
        now = have()
        if now != first:
            print(now, flush=True)
            return

"""aiobotocore with its default chain."""
import asyncio
from datetime import timedelta

from aiobotocore.session import get_session
from botocore import credentials as botocore
from until_renewed import until_renewed

loop = asyncio.new_event_loop()
found = loop.run_until_complete(get_session().get_credentials())


def key():
    return loop.run_until_complete(found.get_frozen_credentials()).access_key


def grow_older():
    """It renews from 15 minutes before the end, and takes no less than 25 minutes at first."""
    found._time_fetcher = lambda: botocore._local_now() + timedelta(minutes=50)


until_renewed(key, grow_older)

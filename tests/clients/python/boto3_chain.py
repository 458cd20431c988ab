"""boto3 with its default chain."""
from datetime import timedelta

import boto3
from botocore import credentials as botocore
from until_renewed import until_renewed

found = boto3.Session().get_credentials()


def grow_older():
    """It renews from 15 minutes before the end, and takes no less than 25 minutes at first."""
    found._time_fetcher = lambda: botocore._local_now() + timedelta(minutes=50)


until_renewed(lambda: found.get_frozen_credentials().access_key, grow_older)

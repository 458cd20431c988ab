"""boto 2, last of 2018: IMDSv1 alone, one format of time."""
from boto.provider import Provider

print(Provider("aws").access_key)

"""boto 2, last of 2018: IMDSv1 alone, one format of time."""
from boto.provider import Provider
from until_renewed import until_renewed

provider = Provider("aws")
until_renewed(lambda: provider.access_key)

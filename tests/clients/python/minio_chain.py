"""minio's IAM provider: no fallback to IMDSv1, strict about the document."""
from minio.credentials import IamAwsProvider
from until_renewed import until_renewed

provider = IamAwsProvider()
until_renewed(lambda: provider.retrieve().access_key)

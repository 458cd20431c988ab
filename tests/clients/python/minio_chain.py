"""minio's IAM provider: no fallback to IMDSv1, strict about the document."""
from minio.credentials import IamAwsProvider

print(IamAwsProvider().retrieve().access_key)

"""boto3 of 2022, with its default chain."""
import boto3

print(boto3.Session().get_credentials().get_frozen_credentials().access_key)

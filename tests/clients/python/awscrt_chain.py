"""aws-c-auth's IMDS provider."""
from awscrt.auth import AwsCredentialsProvider
from awscrt.io import ClientBootstrap, DefaultHostResolver, EventLoopGroup

group = EventLoopGroup(1)
bootstrap = ClientBootstrap(group, DefaultHostResolver(group))
provider = AwsCredentialsProvider.new_default_chain(bootstrap)
print(provider.get_credentials().result(timeout=20).access_key_id)

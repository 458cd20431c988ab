"""aws-c-auth's IMDS provider."""
from awscrt.auth import AwsCredentialsProvider
from awscrt.io import ClientBootstrap, DefaultHostResolver, EventLoopGroup
from until_renewed import until_renewed

group = EventLoopGroup(1)
bootstrap = ClientBootstrap(group, DefaultHostResolver(group))
provider = AwsCredentialsProvider.new_default_chain(bootstrap)
until_renewed(lambda: provider.get_credentials().result(timeout=20).access_key_id)

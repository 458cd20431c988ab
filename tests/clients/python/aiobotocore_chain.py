"""aiobotocore with its default chain."""
import asyncio

from aiobotocore.session import get_session


async def main():
    credentials = await get_session().get_credentials()
    print((await credentials.get_frozen_credentials()).access_key)


asyncio.run(main())

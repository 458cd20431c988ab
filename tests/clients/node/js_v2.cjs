/** The AWS SDK for JavaScript v2 with its default chain. */
const { CredentialProviderChain } = require("aws-sdk");
const { untilRenewed } = require("./until_renewed.cjs");

const found = new CredentialProviderChain().resolvePromise();
untilRenewed(async () => {
  const credentials = await found;
  await credentials.getPromise();
  return credentials.accessKeyId;
});

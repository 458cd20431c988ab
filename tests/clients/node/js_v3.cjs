/** The AWS SDK for JavaScript v3 with its Node default chain. */
const { fromNodeProviderChain } = require("@aws-sdk/credential-providers");
const { untilRenewed } = require("./until_renewed.cjs");

const chain = fromNodeProviderChain();
untilRenewed(async () => (await chain()).accessKeyId);

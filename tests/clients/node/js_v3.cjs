/** The AWS SDK for JavaScript v3 with its Node default chain. */
const { fromNodeProviderChain } = require("@aws-sdk/credential-providers");

fromNodeProviderChain()().then(({ accessKeyId }) => console.log(accessKeyId));

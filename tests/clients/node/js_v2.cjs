/** The AWS SDK for JavaScript v2 with its default chain. */
const { CredentialProviderChain } = require("aws-sdk");

new CredentialProviderChain().resolvePromise().then(({ accessKeyId }) => console.log(accessKeyId));

/**
 * minio-js' IAM provider: asks `security-credentials//ROLE` and follows no redirect. It reads the
 * access key under another name than EC2's, so the secret is what it has.
 */
const { IamAwsProvider } = require("minio");
const { untilRenewed } = require("./until_renewed.cjs");

const provider = new IamAwsProvider({});
untilRenewed(async () => (await provider.getCredentials()).secretKey);

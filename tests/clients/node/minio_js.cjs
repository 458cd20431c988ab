/** minio-js' IAM provider: asks `security-credentials//ROLE` and follows no redirect. */
const { IamAwsProvider } = require("minio");

new IamAwsProvider({}).getCredentials().then((found) => console.log(found.accessKey));

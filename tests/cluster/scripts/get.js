/** Prints status and body of a GET, `get.js URL`; without an answer, the reason. */
import { get } from "node:http";
import process from "node:process";

const sent = get(process.argv[2], (answer) => {
  let body = "";
  answer.setEncoding("utf8");
  answer.on("data", (chunk) => body += chunk);
  answer.on("end", () => console.log(`${answer.statusCode} ${body}`));
});
sent.setTimeout(5000, () => sent.destroy(new Error("no answer within 5 s")));
sent.on("error", (error) => console.log(`none ${error.message}`));

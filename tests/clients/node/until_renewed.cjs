/** Prints what a client has; where it is to show a renewal, again when that has changed. */
async function untilRenewed(have) {
  const first = await have();
  console.log(first);
  if (process.env.TEST_RENEWAL === undefined) return;
  for (let second = 0; second < 60; second++) {
    await new Promise((resolve) => setTimeout(resolve, 1000));
    const now = await have();
    if (now !== first) return console.log(now);
  }
}

module.exports = { untilRenewed };

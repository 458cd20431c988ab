/** A program that does nothing: what the runtime itself takes. */
console.log("here");
setInterval(() => {}, 60_000);

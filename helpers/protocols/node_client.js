// Visits https://HOST:PORT/ on this machine, and writes the page that it gets, or its error.
const fs = require("fs");
const https = require("https");
const [host, port, certificate] = process.argv.slice(2);

const options = {
  ca: fs.readFileSync("root.pem"), // these are trusted, and not those that come with Node
  ...(certificate && { key: fs.readFileSync(certificate), cert: fs.readFileSync(certificate) }),
  family: 4,
  lookup: (_host, _options, found) => found(null, "127.0.0.1", 4), // the lab's names stand in no DNS
};

const request = https.get(`https://${host}:${port}/`, options, (response) => {
  response.on("error", fail);
  response.pipe(process.stdout);
});
request.on("error", fail);

function fail(error) {
  console.error(`${error.code}: ${error.message}`);
  process.exitCode = 1;
}

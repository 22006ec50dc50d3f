// An HTTPS server that asks each client for a certificate. `mode` says what it makes of the answer.
const fs = require("fs");
const https = require("https");
const [port, mode] = process.argv.slice(2);

const options = {
  key: fs.readFileSync("server.pem"),
  cert: fs.readFileSync("server.pem"),
  ca: fs.readFileSync("trusted.pem"), // the CA that may vouch for clients
  requestCert: true, // ask for a certificate ...
  rejectUnauthorized: mode === "strict", // ... and end the connection without a good one
};

const server = https.createServer(options, (request, response) => {
  const { authorized, authorizationError: error } = request.socket; // Node's verdict on the certificate
  const { subject } = request.socket.getPeerCertificate(); // what is written in it; nothing where none was shown
  const name = subject?.CN;
  log({ authorized, name, error });

  // `subject` as well: without a certificate, a resumed session can be `authorized` (nodejs/node #35317).
  const welcome = mode === "mended" ? authorized && subject : true;
  response.writeHead(welcome ? 200 : 403, { "Content-Type": "text/plain; charset=utf-8", Connection: "close" });
  response.end(welcome ? `Hello, ${name}.\n` : `Sorry, I do not know you: ${subject ? error : "no certificate"}.\n`);
});

for (const event of ["connection", "secureConnection"]) server.on(event, () => log({ event }));
server.on("tlsClientError", (error, socket) => log({ refused: error.code, why: socket.authorizationError }));
server.listen(port, "127.0.0.1", () => console.log("listening"));

function log(facts) {
  console.log(JSON.stringify(facts));
}

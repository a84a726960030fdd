// Opens sealed pushes as a browser does, by the npm package http_ece: node open.mjs <folder with node_modules> < wanted.json
import { createECDH } from "node:crypto";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const require = createRequire(`${process.argv[2]}/`);
const ece = require("http_ece");
const wanted = JSON.parse(readFileSync(0, "utf8"));
const bytes = (text) => Buffer.from(text, "base64url");
const key = createECDH("prime256v1");
key.setPrivateKey(bytes(wanted.private));
const opened = wanted.bodies.map((body) =>
  ece.decrypt(bytes(body), { version: "aes128gcm", privateKey: key, authSecret: wanted.auth, dh: wanted.public }).toString("utf8"),
);
process.stdout.write(JSON.stringify(opened));

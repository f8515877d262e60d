// Opens and writes certpool's messages with npm's jose.
//
//   node message.mjs open SHARED_KEY JWE               prints M
//   node message.mjs write SHARED_KEY PRIVATE_KEY CERTIFICATE FROM TO TEXT   prints a JWE
import { createPublicKey, randomBytes, X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { CompactEncrypt, CompactSign, compactDecrypt, compactVerify, importPKCS8 } from "jose";

const sharedKey = (file) => {
  const jwk = JSON.parse(readFileSync(file, "utf8"));
  return { kid: jwk.kid, octets: Buffer.from(jwk.k, "base64url") };
};

// The algorithm follows from the certificate's key.
const algorithmOf = (key) =>
  ({ prime256v1: "ES256", secp384r1: "ES384" })[key.asymmetricKeyDetails.namedCurve] ??
  { ed25519: "EdDSA", rsa: "RS256" }[key.asymmetricKeyType];

async function open(keyFile, jweFile) {
  const jwe = readFileSync(jweFile, "utf8").trim();
  const { plaintext, protectedHeader } = await compactDecrypt(jwe, sharedKey(keyFile).octets, {
    keyManagementAlgorithms: ["A256KW"],
    contentEncryptionAlgorithms: ["A256GCM"],
  });
  if (protectedHeader.typ !== "certpool.message" || protectedHeader.cty !== "jose")
    throw new Error(`not a message: ${JSON.stringify(protectedHeader)}`);
  const jws = new TextDecoder().decode(plaintext);
  const { x5c } = JSON.parse(Buffer.from(jws.split(".")[0], "base64url"));
  const key = new X509Certificate(Buffer.from(x5c[0], "base64")).publicKey;
  const { payload } = await compactVerify(jws, createPublicKey(key.export({ type: "spki", format: "pem" })), {
    algorithms: [algorithmOf(key)],
  });
  process.stdout.write(payload);
}

async function write(keyFile, privateFile, certificateFile, from, to, text) {
  const certificate = new X509Certificate(readFileSync(certificateFile));
  const alg = algorithmOf(certificate.publicKey);
  const signer = await importPKCS8(readFileSync(privateFile, "utf8"), alg);
  const jws = await new CompactSign(new TextEncoder().encode(text))
    .setProtectedHeader({
      alg,
      typ: "certpool.message",
      x5c: [certificate.raw.toString("base64")],
      iss: from,
      aud: to,
      iat: Math.floor(Date.now() / 1000),
      jti: randomBytes(16).toString("base64url"),
    })
    .sign(signer);
  const { kid, octets } = sharedKey(keyFile);
  const jwe = await new CompactEncrypt(new TextEncoder().encode(jws))
    .setProtectedHeader({ alg: "A256KW", enc: "A256GCM", kid, typ: "certpool.message", cty: "jose" })
    .encrypt(octets);
  process.stdout.write(jwe);
}

const [verb, ...operands] = process.argv.slice(2);
await { open, write }[verb](...operands);

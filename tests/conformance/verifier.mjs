// Answers questions about vectors and mutants with the browser's own modules: a JSON line in, a JSON line out.

import { createInterface } from "node:readline";
import { hex, Malformed, unhex, utf8 } from "../../verifier/web/browser/src/bytes.js";
import { allChecks } from "../../verifier/web/browser/src/verdict/checks.js";
import { normalise } from "../../verifier/web/browser/src/formats/certificate_code.js";
import { fingerprint } from "../../verifier/web/browser/src/formats/fingerprint.js";
import { certificateLeaf, interior, leaf, rootFromPath, sha256 } from "../../verifier/web/browser/src/proofs/hashing.js";
import { parseMetadata } from "../../verifier/web/browser/src/formats/metadata.js";
import { parse as parsePolicy } from "../../verifier/web/browser/src/formats/policy.js";
import { parse as parseReceipt } from "../../verifier/web/browser/src/formats/receipt.js";
import { read } from "../../verifier/web/browser/src/formats/strictjson.js";
import { combine, verdictOf } from "../../verifier/web/browser/src/verdict/verdict.js";

// Integers of facts are decimal strings on the way: they have up to 256 bits.
const revive = (value) =>
  typeof value === "string" && /^\d+n$/.test(value)
    ? BigInt(value.slice(0, -1))
    : Array.isArray(value)
      ? value.map(revive)
      : value !== null && typeof value === "object"
        ? Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, revive(inner)]))
        : value;

const text = (given) => new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(unhex(given));
let policy = null;
let kinds = null;

const claimOf = (question) => {
  const receipt = parseReceipt(text(question.receipt));
  const facts = revive(question.facts);
  const { file, named, lookedUp, now } = question;
  return { receipt, facts, checks: allChecks(file, receipt, policy, facts, { named, lookedUp }, now, kinds) };
};

const READERS = {
  receipt: parseReceipt,
  metadata: parseMetadata,
  policy: parsePolicy,
  answer: (text) => read(text, "answer", 16 << 20),
};

// The least processor time, in microseconds, that reading a text took, whether it was refused or not.
const costOf = (reader, text) => {
  const times = [];
  for (let time = 0; time < 7; time += 1) {
    const began = process.cpuUsage();
    try {
      reader(text);
    } catch (error) {
      if (!(error instanceof Malformed)) throw error;
    }
    const { user, system } = process.cpuUsage(began);
    times.push(user + system);
  }
  return Math.min(...times);
};

const ANSWERS = {
  costs: ({ reader, texts }) => texts.map((text) => costOf(READERS[reader], text)),
  leaf: ({ data }) => hex(leaf(unhex(data))),
  node: ({ left, right }) => hex(interior(unhex(left), unhex(right))),
  digest: ({ text }) => hex(sha256(utf8(text))),
  certificate: (one) => hex(certificateLeaf(one.issuer_id, one.document_digest, one.metadata)),
  root: (one) => hex(rootFromPath(unhex(one.leaf_hash), BigInt(one.leaf_index), BigInt(one.tree_size), one.path.map(unhex))),
  metadata: ({ text }) => parseMetadata(text),
  receipt: (one) => hex(parseReceipt(text(one.receipt)).leafHash),
  policy: (one) => parsePolicy(text(one.policy)) && "policy",
  code: ({ typed }) => {
    const code = normalise(typed);
    if (code === null) throw new Malformed("mistyped");
    return code;
  },
  fingerprint: async ({ data, piece }) => {
    const bytes = unhex(data);
    const file = new Blob([bytes]);
    if (!piece) return fingerprint(file);
    // The same file, whose bytes come in pieces of one size.
    const pieces = Array.from({ length: Math.ceil(bytes.length / piece) }, (_, at) => bytes.subarray(at * piece, (at + 1) * piece));
    const stream = () => ReadableStream.from(pieces);
    return fingerprint({ size: file.size, slice: (...range) => file.slice(...range), stream });
  },
  trust: (given) => {
    policy = parsePolicy(given.policy);
    kinds = given.kinds;
    return "trusted";
  },
  claim: (one) => verdictOf(claimOf(one)),
  // What fills a reason's blanks is told for roots only: of the rest, names and types differ.
  checks: (one) =>
    claimOf(one).checks.map(({ name, outcome, reason, values }) =>
      reason === "other-root" ? [name, outcome, reason, values.found, values.anchored] : [name, outcome, reason],
    ),
  answer: ({ claims, pending, lookedUp }) => combine(claims.map(claimOf), { pending, lookedUp }).verdict,
};

for await (const line of createInterface({ input: process.stdin })) {
  const question = JSON.parse(line);
  let answer;
  try {
    answer = { answer: await ANSWERS[question.ask](question) };
  } catch (error) {
    // A text that is no UTF-8 is none of ours either.
    const isRefused = error instanceof Malformed || error.code === "ERR_ENCODING_INVALID_ENCODED_DATA";
    answer = isRefused ? { refused: error.message } : { crashed: String(error.stack) };
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}

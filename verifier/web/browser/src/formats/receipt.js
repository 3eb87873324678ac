// Receipt v1: a claim, in which nothing is obeyed. Source: docs/spec/receipt.md.

import { Malformed, unhex } from "../bytes.js";
import { certificateLeaf } from "../proofs/hashing.js";
import { parseMetadata, parseProfile } from "./metadata.js";
import { canonical, isObject, read } from "./strictjson.js";

export const FORMAT = "jangkar-receipt-v1";
export const MAX_BYTES = 64 * 1024;
const MAX_PATH = 64;

const hash = (value) => typeof value === "string" && /^[0-9a-f]{64}$/.test(value);
const text = (value) => typeof value === "string";
const from = (least) => (value) => Number.isSafeInteger(value) && value >= least;

const FIELDS = {
  format: (value) => value === FORMAT,
  document_digest: hash,
  metadata: text,
  issuer_id: hash,
  issuer_profile: text,
  sequence: from(1),
  leaf_index: from(0),
  path: (value) => Array.isArray(value) && value.length <= MAX_PATH && value.every(hash),
  hints: isObject,
};
const HINTS = {
  chain_id: from(1),
  registry: (value) => typeof value === "string" && /^0x[0-9a-f]{40}$/.test(value),
  transaction: (value) => typeof value === "string" && /^0x[0-9a-f]{64}$/.test(value),
  block: from(0),
};

const require = (given, wanted, what) => {
  for (const name of Object.keys(given))
    if (!Object.hasOwn(wanted, name)) throw new Malformed(`${what} has an unknown field '${name}'`);
  for (const [name, holds] of Object.entries(wanted)) {
    if (!Object.hasOwn(given, name)) throw new Malformed(`${what} lacks '${name}'`);
    if (!holds(given[name])) throw new Malformed(`${what} field '${name}' does not hold what it must`);
  }
};

// The text is the receipt's exact bytes, decoded as UTF-8 without dropping a byte order mark.
export const parse = (given) => {
  const fields = read(given, "receipt", MAX_BYTES);
  if (!isObject(fields)) throw new Malformed("receipt is not a JSON object");
  require(fields, FIELDS, "receipt");
  require(fields.hints, HINTS, "receipt's hints");
  const metadata = parseMetadata(fields.metadata);
  const profile = parseProfile(fields.issuer_profile);
  if (given !== `${canonical(fields)}\n`)
    throw new Malformed("receipt is not in its one byte form; fetch it again instead of saving it from an editor");
  return {
    documentDigest: fields.document_digest,
    metadata,
    issuerId: fields.issuer_id,
    profileText: fields.issuer_profile,
    profile,
    sequence: fields.sequence,
    leafIndex: fields.leaf_index,
    path: fields.path.map(unhex),
    chainId: fields.hints.chain_id,
    registry: fields.hints.registry,
    block: fields.hints.block,
    leafHash: certificateLeaf(fields.issuer_id, fields.document_digest, fields.metadata),
  };
};

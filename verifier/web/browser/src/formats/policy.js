// What a verifier trusts, from its own file. Source: docs/spec/policy.md.

import { Malformed } from "../bytes.js";
import { isObject, read } from "./strictjson.js";

const FORMAT = "jangkar-policy-v1";
const MAX_BYTES = 64 * 1024;
const DEFAULT_MAX_HEAD_AGE = 15 * 60;

const from = (least) => (value) => Number.isSafeInteger(value) && value >= least;
const matches = (pattern) => (value) => typeof value === "string" && pattern.test(value);
const every = (holds) => (value) => Array.isArray(value) && value.every(holds);
const address = matches(/^0x[0-9a-f]{40}$/);
const hash = matches(/^0x[0-9a-f]{64}$/);

const digest = matches(/^[0-9a-f]{64}$/);

export const isHttp = (value) => {
  try {
    return /^https?:$/.test(new URL(value).protocol);
  } catch {
    return false;
  }
};

// The server and the path that an address means, however it is spelled; this machine by any name is one server.
const meant = (value) => {
  const { protocol, hostname, port, pathname, search } = new URL(value);
  const host = hostname.replace(/\.$/, "");
  const isThisMachine = /^((.*\.)?localhost|127\..*|0\.0\.0\.0|\[::1?\]|\[::ffff:(7f..:.*|0:0)\])$/.test(host);
  const path = pathname.replace(/%[0-9a-f]{2}/gi, (byte) => String.fromCharCode(parseInt(byte.slice(1), 16)));
  let end = path.length;
  while (path[end - 1] === "/") end -= 1;
  return [protocol, isThisMachine ? "localhost" : host, port, path.slice(0, end), search].join(" ");
};

const REQUIRED = {
  format: (value) => value === FORMAT,
  chain_id: from(1),
  genesis: hash,
  registry: address,
  code_hash: hash,
  finality: (value) =>
    value === "instant" || (isObject(value) && Object.keys(value).join() === "depth" && from(1)(value.depth)),
  operators: from(1),
  nodes: (value) => every(isHttp)(value) && value.length > 0 && new Set(value.map(meant)).size === value.length,
};
const OPTIONAL = {
  max_head_age: from(1),
  max_bundle_age: from(1),
  issuers: every(digest),
  bundles: every(digest),
  quorum: from(1),
  pinned_block: hash,
  successors: every(
    (one) =>
      isObject(one) && Object.keys(one).sort().join() === "code_hash,registry" && address(one.registry) && hash(one.code_hash),
  ),
};

export const parse = (text) => {
  const fields = read(text, "policy", MAX_BYTES);
  if (!isObject(fields)) throw new Malformed("policy is not a JSON object");
  for (const [name, value] of Object.entries(fields)) {
    const holds = Object.hasOwn(REQUIRED, name) ? REQUIRED[name] : Object.hasOwn(OPTIONAL, name) ? OPTIONAL[name] : null;
    if (!holds) throw new Malformed(`policy has an unknown field '${name}'`);
    if (!holds(value)) throw new Malformed(`policy field '${name}' does not hold what it must`);
  }
  for (const name of Object.keys(REQUIRED))
    if (!Object.hasOwn(fields, name)) throw new Malformed(`policy lacks '${name}'`);
  if (fields.quorum > fields.nodes.length) throw new Malformed("policy field 'quorum' asks for more nodes than it names");
  const pin = ({ registry, code_hash }) => ({ address: registry, codeHash: code_hash });
  return {
    chainId: fields.chain_id,
    genesis: fields.genesis,
    registries: [pin(fields), ...(fields.successors ?? []).map(pin)],
    depth: fields.finality === "instant" ? 0 : fields.finality.depth,
    operators: fields.operators,
    nodes: fields.nodes,
    quorum: fields.quorum ?? fields.nodes.length,
    pinnedBlock: fields.pinned_block ?? null,
    maxHeadAge: fields.max_head_age ?? DEFAULT_MAX_HEAD_AGE,
    issuers: fields.issuers ?? [],
  };
};

// Checks 1 to 5, each pass, fail or unknown. Pure: facts come in as values. Source: docs/spec/verification.md 2.

import { Malformed, hex, utf8 } from "../bytes.js";
import { rootFromPath, sha256 } from "../proofs/hashing.js";
import { PURPOSE_ANCHOR } from "../chain/registry.js";

const CLOCK_TOLERANCE = 15 * 60;
const PASS = "pass";
const FAIL = "fail";
const UNKNOWN = "unknown";

const isStale = (receipt, policy, facts, now) => {
  const age = now - Number(facts.head.time);
  return age > policy.maxHeadAge || age < -CLOCK_TOLERANCE || facts.head.number < BigInt(receipt.block);
};

const wasSound = (key, time) => key.compromisedSince === 0n || time < key.compromisedSince;
const keyWasSound = ({ anchor, key }) => wasSound(key, anchor.blockTime);
const carriesWeight = (facts) =>
  keyWasSound(facts) || (facts.reattestation !== null && wasSound(facts.reattestation.key, facts.reattestation.blockTime));

const document = (file, receipt) => {
  if (!file) return [UNKNOWN, "no-file"];
  if (file.revisions.includes(receipt.documentDigest)) return [FAIL, "earlier-revision"];
  return file.digest === receipt.documentDigest ? [PASS, "same-file"] : [FAIL, "other-file"];
};

const inclusion = (receipt, facts) => {
  if (facts.unreadable) return [UNKNOWN, "unreadable", { detail: facts.unreadable }];
  if (!facts.anchor) return [UNKNOWN, "no-anchor-to-compare"];
  const { size, root } = facts.anchor;
  try {
    const found = hex(rootFromPath(receipt.leafHash, receipt.leafIndex, size, receipt.path));
    if (found !== root) return [FAIL, "other-root", { found, anchored: root }];
  } catch (error) {
    if (error instanceof Malformed) return [FAIL, "bad-path", { detail: error.message }];
    throw error;
  }
  return [PASS, "included", { size }];
};

const anchor = (receipt, policy, facts, now) => {
  if (receipt.chainId !== policy.chainId || !policy.registries.some((pin) => pin.address === receipt.registry))
    return [FAIL, "other-registry", { chain: receipt.chainId, registry: receipt.registry }];
  if (facts.unreadable) return [UNKNOWN, "unreadable", { detail: facts.unreadable }];
  if (!facts.anchor)
    return isStale(receipt, policy, facts, now)
      ? [UNKNOWN, "stale-head", { age: now - Number(facts.head.time) }]
      : [FAIL, "no-anchor", { sequence: receipt.sequence }];
  const { blockNumber, blockTime } = facts.anchor;
  if (blockNumber > facts.head.final) return [UNKNOWN, "not-final", { block: blockNumber }];
  return [PASS, "anchored", { block: blockNumber, time: blockTime }];
};

// Why window, key, profile or kind do not fit the anchor, if they do not.
const unfit = (receipt, facts, kinds, values) => {
  const time = facts.anchor.blockTime;
  const { window, key } = facts;
  if (time < window.from || time >= window.until) return [FAIL, "not-accredited", values];
  if (time < key.from || time >= key.until || !(key.purposes & PURPOSE_ANCHOR)) return [FAIL, "key-not-active", values];
  if (hex(sha256(utf8(receipt.profileText))) !== window.profileDigest) return [FAIL, "other-profile", values];
  const { kind } = receipt.metadata;
  if (!Object.hasOwn(kinds, kind)) return [UNKNOWN, "unknown-kind", { kind }];
  if (!((window.scope >> BigInt(kinds[kind])) & 1n)) return [FAIL, "out-of-scope", { kind, ...values }];
  return null;
};

const issuer = (receipt, policy, facts, asked, now, kinds) => {
  const values = { issuer: receipt.profile.name, id: receipt.issuerId };
  const excludes = (wanted) => wanted.length > 0 && !wanted.includes(receipt.issuerId);
  if (excludes(asked.named) || excludes(policy.issuers)) return [FAIL, "other-issuer", values];
  if (facts.unreadable) return [UNKNOWN, "unreadable", { detail: facts.unreadable }];
  if (!facts.anchor) return [UNKNOWN, "no-anchor-to-compare"];
  const found = unfit(receipt, facts, kinds, values);
  if (found?.[0] === FAIL) return found;
  if (!carriesWeight(facts))
    return isStale(receipt, policy, facts, now)
      ? [UNKNOWN, "stale-head", { age: now - Number(facts.head.time) }]
      : [FAIL, "key-compromised", { time: facts.key.compromisedSince, ...values }];
  if (found) return found;
  const wanted = asked.named.length ? asked.named : policy.issuers;
  if (!asked.lookedUp && new Set(wanted).size !== 1) return [UNKNOWN, "issuer-not-named", values];
  if (facts.reattestation && !keyWasSound(facts))
    return [PASS, "re-attested", { ...values, time: facts.reattestation.blockTime }];
  return [PASS, "accredited", values];
};

const status = (receipt, policy, facts, now) => {
  const { valid_until: until } = receipt.metadata;
  const end = until === undefined ? Infinity : Date.parse(until) / 1000;
  const expired = (facts.unreadable ? now : Math.max(now, Number(facts.head.time))) >= end;
  if (!facts.unreadable) {
    const { status: state, ...record } = facts.status;
    const values = { ...record, time: record.blockTime };
    const mayHaveHealed = isStale(receipt, policy, facts, now) || facts.unlistedSuccessor !== null;
    if (state === "revoked" || state === "superseded" || (state === "suspended" && !mayHaveHealed))
      return [FAIL, state, values];
  }
  if (expired) return [FAIL, "expired", { time: end }];
  if (facts.unreadable) return [UNKNOWN, "unreadable", { detail: facts.unreadable }];
  if (isStale(receipt, policy, facts, now)) return [UNKNOWN, "stale-head", { age: now - Number(facts.head.time) }];
  if (facts.unlistedSuccessor !== null)
    return [UNKNOWN, "unlisted-successor", { registry: facts.unlistedSuccessor }];
  return [PASS, "in-force", { time: facts.head.time }];
};

// The five checks in order. `facts` are those of a reader, or {unreadable}; `asked` is {named, lookedUp}; `now` in seconds.
export const allChecks = (file, receipt, policy, facts, asked, now, kinds) =>
  Object.entries({
    document: document(file, receipt),
    inclusion: inclusion(receipt, facts),
    anchor: anchor(receipt, policy, facts, now),
    issuer: issuer(receipt, policy, facts, asked, now, kinds),
    status: status(receipt, policy, facts, now),
  }).map(([name, [outcome, reason, values = {}]]) => ({ name, outcome, reason, values }));

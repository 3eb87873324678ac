// The one path from a question to an answer.

import { Malformed } from "../bytes.js";
import { allChecks } from "./checks.js";
import { parse } from "../formats/receipt.js";
import { RegistryReader, Unavailable, fetchText } from "../chain/registry.js";
import { isObject, read } from "../formats/strictjson.js";
import { combine } from "./verdict.js";

const LOOKUP_FORMAT = "jangkar-lookup-v1";
const MAX_LOOKUP_BYTES = 1 << 20;

// Every anchor of a file and of its earlier revisions that a service knows: {receipts, pending}.
export const lookUp = async (service, file) => {
  const url = `${service.replace(/\/+$/, "")}/v1/documents`;
  const text = await fetchText(url, JSON.stringify({ document_digests: [file.digest, ...file.revisions] }));
  try {
    const found = read(text, `answer of ${url}`, MAX_LOOKUP_BYTES);
    const isList = Array.isArray(found?.receipts) && found.receipts.every((one) => typeof one === "string");
    if (isObject(found) && found.format === LOOKUP_FORMAT && isList && Number.isInteger(found.pending)) return found;
  } catch (error) {
    throw new Unavailable(error.message);
  }
  throw new Unavailable(`${url} did not answer with ${LOOKUP_FORMAT}`);
};

// `question` is {file, receipts, issuers, lookedUp, pending}. Nothing is thrown: what could not be read becomes unknown.
export const ask = async (question, policy, kinds, now = Math.floor(Date.now() / 1000)) => {
  const receipts = [];
  const malformed = [];
  for (const text of question.receipts) {
    try {
      receipts.push(parse(text));
    } catch (error) {
      if (!(error instanceof Malformed)) throw error;
      malformed.push(error.message);
    }
  }
  const chain = receipts.length ? await orUnreadable(() => openChain(policy)) : {};
  const asked = { named: question.issuers, lookedUp: question.lookedUp };
  const claims = [];
  for (const receipt of receipts) {
    const facts = chain.unreadable ? chain : await orUnreadable(() => factsOf(chain, receipt));
    claims.push({ receipt, facts, checks: allChecks(question.file, receipt, policy, facts, asked, now, kinds) });
  }
  const answer =
    malformed.length && !claims.length && !question.pending
      ? { verdict: "undetermined", reason: "malformed-receipt", claims }
      : combine(claims, question);
  return { ...answer, head: chain.head ?? null, nodes: chain.readers?.length ?? 0, malformed, now };
};

// The newest block that the policy's nodes agree on, and who they are: {head, readers}.
const openChain = async (policy) => {
  if (policy.pinnedBlock) throw new Unavailable("the policy pins a block, and this page cannot prove what it reads there");
  const opened = [];
  const refused = [];
  for (const url of policy.nodes) {
    const reader = new RegistryReader(url, policy);
    const head = await orUnreadable(() => reader.open());
    if (head.unreadable) refused.push(head.unreadable);
    else opened.push({ reader, head });
  }
  if (opened.length < policy.quorum)
    throw new Unavailable(`${policy.quorum} of ${policy.nodes.length} nodes have to agree: ${refused.join("; ")}`);
  const readers = opened.map(({ reader }) => reader);
  if (readers.length === 1) return { readers, head: opened[0].head };
  const lowest = opened.map(({ head }) => head.number).reduce((a, b) => (a < b ? a : b)) - BigInt(policy.depth);
  const heads = await Promise.all(readers.map((reader) => reader.at(lowest < 0n ? 0n : lowest)));
  if (heads.some(({ hash }) => hash !== heads[0].hash)) throw new Unavailable(`the nodes show different blocks ${lowest}`);
  return { readers, head: { ...heads[0], final: heads[0].number } };
};

// What every node says of a receipt. Nothing is proved here: they have to say the same.
const factsOf = async ({ readers, head }, receipt) => {
  const said = await Promise.all(readers.map((reader) => reader.facts(head, receipt)));
  const texts = new Set(said.map((one) => JSON.stringify(one, (_, value) => (typeof value === "bigint" ? `${value}` : value))));
  if (texts.size > 1) throw new Unavailable("the nodes say different things about this receipt");
  return said[0];
};

const orUnreadable = async (read) => {
  try {
    return await read();
  } catch (error) {
    if (!(error instanceof Unavailable)) throw error;
    return { unreadable: error.message };
  }
};

// The one path from a question to an answer.

import { Malformed } from "../bytes.js";
import { allChecks } from "./checks.js";
import { parse } from "../formats/receipt.js";
import { RegistryReader, Unavailable, fetchText } from "../chain/registry.js";
import { isObject, read } from "../formats/strictjson.js";
import { combine } from "./verdict.js";

const LOOKUP_FORMAT = "jangkar-lookup-v1";
const MAX_LOOKUP_BYTES = 1 << 20;

// A service takes the file itself and so many more.
const REVISIONS_AT_ONCE = 64;

// Every anchor of a file and of its earlier forms that a service knows: {receipts, pending}.
export const lookUp = async (service, file) => {
  const all = { receipts: [], pending: 0 };
  for (let first = 0; first === 0 || first < file.revisions.length; first += REVISIONS_AT_ONCE) {
    const some = await lookUpSome(service, [file.digest, ...file.revisions.slice(first, first + REVISIONS_AT_ONCE)]);
    all.receipts = [...new Set([...all.receipts, ...some.receipts])];
    all.pending = some.pending;
  }
  return all;
};

const lookUpSome = async (service, digests) => {
  const url = `${service.replace(/\/+$/, "")}/v1/documents`;
  const text = await fetchText(url, JSON.stringify({ document_digests: digests }));
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
    const facts = chain.unreadable ? chain : await orUnreadable(() => factsOf(chain, receipt, policy.quorum));
    claims.push({ receipt, facts, checks: allChecks(question.file, receipt, policy, facts, asked, now, kinds) });
  }
  const answer =
    malformed.length && !claims.length && !question.pending
      ? { verdict: "undetermined", reason: "malformed-receipt", claims }
      : combine(claims, question);
  return { ...answer, head: chain.head ?? null, nodes: chain.readers?.length ?? 0, leftOut: chain.leftOut ?? [], malformed, now };
};

// The highest final block that a quorum of the policy's nodes shows: {readers, head, leftOut}.
const openChain = async (policy) => {
  if (policy.pinnedBlock) throw new Unavailable("the policy pins a block, and this page cannot prove what it reads there");
  const opened = [];
  const refused = [];
  const leftOut = [];
  for (const url of policy.nodes) {
    const reader = new RegistryReader(url, policy);
    const head = await orUnreadable(() => reader.open());
    if (head.unreadable) {
      refused.push(head.unreadable);
      leftOut.push({ node: url, why: "silent" });
    } else {
      const name = (policy.nodes.length > 1 && (await reader.ownName())) || url;
      opened.push({ reader, head, name, final: head.final < 0n ? 0n : head.final });
    }
  }
  if (voices(opened) < policy.quorum)
    throw new Unavailable(
      `${policy.quorum} of ${policy.nodes.length} nodes have to agree: ${[...refused, ...ofOneName(opened)].join("; ")}`,
    );
  if (opened.length === 1) return { readers: [opened[0].reader], head: opened[0].head, leftOut };
  const heights = [...new Set(opened.map(({ final }) => final))].sort((a, b) => (a < b ? 1 : -1));
  for (const height of heights) {
    const groups = new Map();
    for (const one of opened) {
      const block = await finalAt(one, height);
      if (block) groups.set(block.hash, [...(groups.get(block.hash) ?? []), { ...one, block }]);
    }
    const [largest = []] = [...groups.values()].sort((a, b) => voices(b) - voices(a));
    if (voices(largest) < policy.quorum) continue;
    const [{ block }] = largest;
    const others = opened.filter(({ reader }) => !largest.some((one) => one.reader === reader));
    const shows = ({ reader }) => [...groups.values()].flat().some((one) => one.reader === reader);
    const reasons = await Promise.all(
      others.map((one) =>
        shows(one)
          ? { node: one.reader.url, block: `${height}`, why: "elsewhere" }
          : whyLeftOut(one, height, largest, policy.quorum),
      ),
    );
    // Where half of the nodes or fewer are enough, two histories can both have enough.
    if (voices(others.filter((_, place) => reasons[place].why === "elsewhere")) >= policy.quorum) break;
    const isFirst = ({ name }, place) => largest.findIndex((one) => one.name === name) === place;
    const same = largest.filter((one, place) => !isFirst(one, place)).map(({ reader }) => ({ node: reader.url, why: "same" }));
    const readers = largest.filter(isFirst).map(({ reader }) => reader);
    return { readers, head: { ...block, final: block.number }, leftOut: [...leftOut, ...reasons, ...same] };
  }
  throw new Unavailable(`${policy.quorum} of ${policy.nodes.length} nodes have to agree, and they show different blocks`);
};

// How many nodes these are: those of one name, and of one block, are one.
const voices = (nodes) => new Set(nodes.map(({ name }) => name)).size;

// Which nodes are not counted, and why.
const ofOneName = (nodes) =>
  nodes.flatMap((one) => {
    const first = nodes.find(({ name }) => name === one.name);
    return first === one ? [] : [`${one.reader.url} calls itself as ${first.reader.url} does: the two count as one`];
  });

// A node's block of a height, where that is final for it and it still answers.
const finalAt = async ({ reader, head, final }, height) => {
  if (final < height) return null;
  if (head.number === height) return head;
  const block = await orUnreadable(() => reader.at(height));
  return block.unreadable ? null : block;
};

// Why a node does not show a block of the agreed height; below it, it is compared with all who do, for one may lie.
const whyLeftOut = async (one, agreed, group, quorum) => {
  const shown = one.final < agreed ? await finalAt(one, one.final) : null;
  if (!shown) return { node: one.reader.url, why: "silent" };
  const below = await Promise.all(group.map((other) => finalAt(other, one.final)));
  const differ = group.filter((_, place) => below[place] && below[place].hash !== shown.hash);
  return { node: one.reader.url, block: `${one.final}`, why: voices(differ) >= quorum ? "elsewhere" : "behind" };
};

// What a quorum of the nodes says of a receipt. Nothing is proved here: as many have to say the same.
const factsOf = async ({ readers, head }, receipt, quorum) => {
  const said = await Promise.all(readers.map((reader) => orUnreadable(() => reader.facts(head, receipt))));
  const groups = new Map();
  for (const facts of said.filter(({ unreadable }) => !unreadable)) {
    const text = JSON.stringify(facts, (_, value) => (typeof value === "bigint" ? `${value}` : value));
    groups.set(text, [...(groups.get(text) ?? []), facts]);
  }
  const enough = [...groups.values()].filter((group) => group.length >= quorum);
  if (enough.length === 1) return enough[0][0];
  if (groups.size > 1) throw new Unavailable("the nodes say different things about this receipt");
  throw new Unavailable([...new Set(said.map(({ unreadable }) => unreadable).filter(Boolean))].join("; "));
};

const orUnreadable = async (read) => {
  try {
    return await read();
  } catch (error) {
    if (!(error instanceof Unavailable)) throw error;
    return { unreadable: error.message };
  }
};

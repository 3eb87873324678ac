// The one path from a question to an answer.

import { Malformed } from "./bytes.js";
import { allChecks } from "./checks.js";
import { parse } from "./receipt.js";
import { RegistryReader, Unavailable, fetchText } from "./registry.js";
import { isObject, read } from "./strictjson.js";
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
  let reader = null;
  let head = null;
  const refused = [];
  for (const url of receipts.length ? policy.nodes : []) {
    try {
      const candidate = new RegistryReader(url, policy);
      head = await candidate.open();
      reader = candidate;
      break;
    } catch (error) {
      if (!(error instanceof Unavailable)) throw error;
      refused.push(error.message);
    }
  }
  const asked = { named: question.issuers, lookedUp: question.lookedUp };
  const claims = [];
  for (const receipt of receipts) {
    const facts = reader ? await factsOf(reader, head, receipt) : { unreadable: refused.join("; ") };
    claims.push({ receipt, facts, checks: allChecks(question.file, receipt, policy, facts, asked, now, kinds) });
  }
  const answer =
    malformed.length && !claims.length
      ? { verdict: "invalid", reason: "malformed-receipt", claims }
      : combine(claims, question);
  return { ...answer, head, malformed, now };
};

const factsOf = async (reader, head, receipt) => {
  try {
    return await reader.facts(head, receipt);
  } catch (error) {
    if (!(error instanceof Unavailable)) throw error;
    return { unreadable: error.message };
  }
};

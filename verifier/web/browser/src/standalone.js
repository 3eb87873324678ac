// The verifier in one file: all five checks, against the visitor's own policy and node.

import { ask, lookUp } from "./verdict/ask.js";
import { Malformed, hex } from "./bytes.js";
import { fingerprint } from "./formats/fingerprint.js";
import { MAX_BYTES as MAX_RECEIPT } from "./formats/receipt.js";
import { isHttp, parse as parsePolicy } from "./formats/policy.js";
import { LAST_TIME, Unavailable } from "./chain/registry.js";
import { through } from "./verdict/days.js";
import { isAskedFor, isOfAnotherFile, isProven } from "./verdict/verdict.js";

const $ = (selector) => document.querySelector(selector);
const place = $("#answer");
let language = "id";
// VOCABULARY is put in by scripts/build_browser.py.
const words = VOCABULARY;

const pick = ([id, en]) => (language === "id" ? id : en);
const fill = (saying, values = {}) => pick(saying).replace(/\{(\w+)\}/g, (_, name) => String(values[name] ?? ""));
const say = (name, values) => fill(words.phrases[name], values);

const make = (tag, attributes, ...children) => {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
};

const DAY = { day: "numeric", month: "long", year: "numeric" };
const locale = () => (language === "id" ? "id" : "en-GB");
const inDay = (text) => new Date(text).toLocaleDateString(locale(), { ...DAY, timeZone: "UTC" });
const LAST_SECOND = 253_402_300_799;
// In Western Indonesia Time; in UTC, or in seconds since 1970, where no date there says it.
const inTime = (seconds) => {
  if (seconds > LAST_SECOND) return String(seconds);
  const moment = new Date(Number(seconds) * 1000);
  const [timeZone, zone] = seconds > LAST_TIME ? ["UTC", "UTC"] : ["Asia/Jakarta", "WIB"];
  const date = moment.toLocaleDateString(locale(), { ...DAY, timeZone });
  const clock = { hour: "2-digit", minute: "2-digit", hourCycle: "h23", timeZone };
  return `${date}, ${moment.toLocaleTimeString(locale(), clock)} ${zone}`;
};
const inUntil = (text) => through(text, inDay, (until) => inTime(Date.parse(until) / 1000));

const reasonOf = (check) => {
  const values = { ...check.values };
  if (check.reason === "expired") values.time = inUntil(new Date(values.time * 1000).toISOString().replace(".000", ""));
  else if ("time" in values) values.time = inTime(values.time);
  if (!("fromBeginning" in values)) return fill(words.reasons[check.reason], values);
  values.reason = fill(words.statusReasons[values.reason] ?? words.otherReason, { code: values.reason });
  return (
    fill(words.reasons[check.reason], values) +
    (values.fromBeginning ? pick(words.fromBeginning) : "") +
    (values.byRegulator ? pick(words.byRegulator) : "")
  );
};

const showClaim = (claim) => {
  const proven = isProven(claim);
  const data = make("dl", {});
  const add = (label, value) => data.append(make("dt", {}, label), make("dd", {}, value));
  add(say("issuer"), claim.receipt.profile.name);
  for (const [name, label] of words.fields) {
    const value = claim.receipt.metadata[name];
    const spell = { issued_on: inDay, starts_on: inDay, ends_on: inDay, valid_until: inUntil }[name] ?? String;
    if (value !== undefined) add(pick(label), spell(value));
  }
  const checks = claim.checks.map((check) => {
    const [mark, outcome] = words.outcomes[check.outcome];
    const head = make("strong", {}, `${pick(words.checks[check.name])}: ${pick(outcome)}.`);
    return make(
      "li",
      { class: check.outcome },
      make("b", { "aria-hidden": "true" }, mark),
      make("span", {}, head, ` ${reasonOf(check)}`),
    );
  });
  const steps = [
    ["step-file", claim.receipt.documentDigest],
    ["step-leaf", hex(claim.receipt.leafHash)],
    ["step-siblings", String(claim.receipt.path.length)],
    ...(claim.facts.anchor ? [["step-root", claim.facts.anchor.root]] : []),
  ];
  const path = steps.map(([name, value]) => make("li", {}, say(name), make("br", {}), make("code", {}, value)));
  return make(
    "section",
    { class: "card", "data-claim": "" },
    make("h2", {}, say(proven ? "recorded-data" : "claimed-data")),
    make("p", {}, say(proven ? "compare" : "do-not-rely")),
    data,
    make("h2", {}, say("five-checks")),
    make("ol", {}, ...checks),
    make("h2", {}, say("path")),
    make("ol", { class: "steps" }, ...path),
  );
};

const show = (result, policy, lookedUp, file, found) => {
  const [tone, mark, title, explanation] = words.verdicts[result.verdict];
  const [first] = result.claims;
  const time = first?.facts.anchor ? inTime(first.facts.anchor.blockTime) : "";
  const remarks = [];
  const further = result.reason === "only-others" ? "only-others" : first && isOfAnotherFile(first) && "only-another-file";
  const sentence = words.remarks[further] ?? explanation;
  if (words.reasons[result.reason]) remarks.push(fill(words.reasons[result.reason], { detail: result.malformed.join("; ") }));
  if (result.head) {
    remarks.push(fill(words.remarks[policy.operators === 1 ? "one-operator" : "several-operators"], policy));
    remarks.push(fill(words.remarks[result.nodes === 1 ? "one-node" : "agreeing-nodes"], result));
    if (result.leftOut.length) {
      const nodes = result.leftOut.map((one) => fill(words.leftOut[one.why], one)).join("; ");
      remarks.push(fill(words.remarks["left-out"], { nodes }));
    }
    const age = Math.max(0, result.now - Number(result.head.time));
    remarks.push(say("head", { block: result.head.number, time: inTime(result.head.time), age }));
  }
  if (result.claims.some((claim) => claim.facts.key?.custody === "operator")) remarks.push(say("by-operator"));
  const anchored = first && isProven(first) ? first.facts.anchor.blockNumber : null;
  if (anchored !== null && anchored !== BigInt(first.receipt.block))
    remarks.push(fill(words.remarks["other-block"], { named: first.receipt.block, block: anchored }));
  const others = result.claims.filter((claim) => !isAskedFor(claim));
  if (others.length && others.length < result.claims.length) remarks.push(pick(words.remarks["others-claim"]));
  if (!lookedUp && first) remarks.push(pick(words.remarks["not-looked-up"]));
  place.replaceChildren(
    make(
      "div",
      { "data-verdict": result.verdict, tabindex: "-1" },
      make(
        "section",
        { class: `verdict ${tone}`, role: "status" },
        make("h1", {}, make("span", { "aria-hidden": "true" }, mark), ` ${pick(title)}`),
        make("p", {}, fill(sentence, { issuer: first?.receipt.profile.name, time })),
      ),
      ...result.claims.map(showClaim),
      ...(remarks.length ? [make("section", { class: "card" }, ...remarks.map((text) => make("p", {}, text)))] : []),
    ),
  );
  const at = result.verdict === "modified" ? found.revisions.indexOf(first.receipt.documentDigest) : -1;
  if (at >= 0) {
    const [start, end, behind] = found.places[at];
    const href = URL.createObjectURL(new Blob([file.slice(start, end), behind]));
    const text = `${say("save-original")} (${end - start + behind.length} / ${file.size} byte)`;
    place.querySelector("section").append(make("a", { href, download: file.name, "data-original": "" }, text));
  }
  place.firstChild.focus();
};

const tell = (text) => place.replaceChildren(make("p", { class: "problem", role: "alert" }, text));

const textOf = async (input, maxBytes) => {
  const [file] = input.files;
  if (!file) return null;
  if (file.size > maxBytes) throw new Malformed(say("receipt-too-large"));
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(await file.arrayBuffer());
  } catch {
    throw new Malformed(say("receipt-not-text"));
  }
};

const address = (input) => {
  const value = input.value.trim();
  if (value && !isHttp(value)) throw new Malformed(say("not-an-address", { value }));
  return value;
};

const busy = (text) => place.replaceChildren(make("p", { role: "status" }, text));

const check = async () => {
  busy(say("hashing"));
  const policy = parsePolicy((await textOf($("#policy"), 64 * 1024)) ?? "");
  const node = address($("#node"));
  const service = address($("#service"));
  if (node) Object.assign(policy, { nodes: [node], quorum: 1 });
  const [chosen] = $("#file").files;
  if (!chosen.size) throw new Malformed(say("no-file"));
  const file = await fingerprint(chosen, (share) => busy(`${say("hashing")} ${Math.round(share * 100)} %`));
  busy(say("asking"));
  const own = await textOf($("#receipt"), MAX_RECEIPT);
  let found = { receipts: [], pending: 0 };
  let lookedUp = service !== "";
  if (service) {
    try {
      found = await lookUp(service, file);
    } catch (error) {
      if (!(error instanceof Unavailable) || own === null) throw error;
      lookedUp = false;
    }
  }
  const receipts = [...new Set([...(own === null ? [] : [own]), ...found.receipts])];
  const issuers = $("#issuer").value ? [$("#issuer").value] : [];
  const question = { file, receipts, issuers, lookedUp, pending: found.pending > 0 };
  show(await ask(question, policy, words.kinds), policy, lookedUp, chosen, file);
};

$("#check").addEventListener("submit", (event) => {
  event.preventDefault();
  check().catch((error) =>
    tell(error instanceof Malformed ? error.message : fill(words.reasons["service-unavailable"], { detail: error.message })),
  );
});

const translate = () => {
  document.documentElement.lang = language;
  document.title = say("standalone");
  $("#language").textContent = say("other-language");
  for (const element of document.querySelectorAll("[data-say]")) element.textContent = say(element.dataset.say);
  place.replaceChildren();
};
$("#language").addEventListener("click", () => {
  language = language === "id" ? "en" : "id";
  translate();
});
translate();

// The browser's own look at a server's answer: leaf, root, and whether what is shown is what the proof holds.

import { hex } from "./bytes.js";
import { rootFromPath } from "./hashing.js";
import { parse } from "./receipt.js";

const DAYS = ["issued_on", "starts_on", "ends_on"];
// Verdicts that rest on a proof for this very file, or for this code.
const PROVEN = ["valid", "recorded", "revoked", "suspended", "superseded", "expired"];

const inWords = (name, value, language) =>
  DAYS.includes(name)
    ? new Date(value).toLocaleDateString(language === "id" ? "id" : "en-GB", { dateStyle: "long", timeZone: "UTC" })
    : String(value);

const receiptOf = (claim) => {
  const { href } = claim.querySelector("[data-receipt]");
  return parse(decodeURIComponent(href.slice(href.indexOf(",") + 1)));
};

// The parts of a claim that do not fit: the file, the path, the data.
const recomputed = (claim, asked, language) => {
  const receipt = receiptOf(claim);
  const { root, size } = claim.dataset;
  const leads = root && hex(rootFromPath(receipt.leafHash, receipt.leafIndex, BigInt(size), receipt.path)) === root;
  const shown = [...claim.querySelectorAll("[data-field]")];
  const says = (element) =>
    element.dataset.field === "issuer"
      ? element.textContent === receipt.profile.name
      : element.textContent === inWords(element.dataset.field, receipt.metadata[element.dataset.field], language);
  return {
    receipt,
    isSame: asked.digest === receipt.documentDigest,
    isEarlier: asked.revisions?.includes(receipt.documentDigest) ?? false,
    isCode: asked.code !== undefined && asked.code === receipt.metadata.code,
    leads: Boolean(leads),
    isTold: shown.length > 3 && shown.every(says),
  };
};

// The name of what contradicts in an answer, or null. `asked` is what the browser itself knows: digest and revisions, or code.
export const contradiction = (answer, asked, titles, language) => {
  const { verdict } = answer.dataset;
  if (!answer.querySelector("h1").textContent.endsWith(titles[verdict] ?? "\0")) return "title";
  const claims = [];
  for (const element of answer.querySelectorAll("[data-claim]")) {
    try {
      claims.push(recomputed(element, asked, language));
    } catch {
      return "receipt";
    }
  }
  if (claims.some((claim) => !claim.isTold)) return "data";
  const [first] = claims;
  if (PROVEN.includes(verdict)) {
    if (!(verdict === "recorded" || asked.digest === undefined ? first?.isCode : first?.isSame)) return "file";
    if (!first.leads) return "root";
    if (!answer.querySelector("[data-sentence]").textContent.includes(first.receipt.profile.name)) return "data";
  }
  if (verdict === "modified" && !(first?.isEarlier && first.leads)) return "file";
  // An answer that holds a proof for this very file, and denies that there is one.
  if (verdict === "not_found" && claims.length) return "file";
  return null;
};

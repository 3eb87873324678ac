// The browser's own look at a server's answer: is the proof for this file, and does it lead to the root that is named?

import { hex } from "./bytes.js";
import { rootFromPath } from "./proofs/hashing.js";
import { parse } from "./formats/receipt.js";

// Verdicts that rest on a proof for this very file, or for this code.
const PROVEN = ["valid", "recorded", "revoked", "suspended", "superseded", "expired"];

export const receiptOf = (claim) => {
  const { href } = claim.querySelector("[data-receipt]");
  return parse(decodeURIComponent(href.slice(href.indexOf(",") + 1)));
};

// Whether the receipt's leaf leads to the claim's root under its size, as this browser computes it.
export const leads = (claim, { leafHash, leafIndex, path }) => {
  const { root, size } = claim.dataset;
  try {
    return Boolean(root) && hex(rootFromPath(leafHash, leafIndex, BigInt(size), path)) === root;
  } catch {
    // A path that does not fit, or a size that is no number.
    return false;
  }
};

// The name of what contradicts in an answer, or null. `asked` is what the browser itself knows: digest and revisions, or code.
export const contradiction = (answer, asked, titles) => {
  const { verdict } = answer.dataset;
  if (!answer.querySelector("h1").textContent.endsWith(titles[verdict] ?? "\0")) return "title";
  const claims = [...answer.querySelectorAll("[data-claim]")];
  try {
    claims.forEach(receiptOf);
  } catch {
    return "receipt";
  }
  // What the server says of check 2 is what this browser finds, on every claim.
  const saysSo = (claim) => claim.querySelector("[data-checks] li:nth-child(2)").className === "pass";
  if (claims.some((claim) => saysSo(claim) !== leads(claim, receiptOf(claim)))) return "root";
  // A file with a proof of its own was found.
  if (verdict === "not_found") return claims.length ? "file" : null;
  if (verdict !== "modified" && !PROVEN.includes(verdict)) return null;
  if (!claims.length) return "receipt";
  const receipt = receiptOf(claims[0]);
  const isMeant =
    verdict === "modified"
      ? asked.revisions?.includes(receipt.documentDigest)
      : asked.digest
        ? verdict !== "recorded" && receipt.documentDigest === asked.digest
        : verdict !== "valid" && receipt.metadata.code === asked.code;
  if (!isMeant) return "file";
  if (!leads(claims[0], receipt)) return "root";
  return answer.querySelector("[data-sentence]").textContent.includes(receipt.profile.name) ? null : "issuer";
};

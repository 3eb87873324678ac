// The public page: hashes the file here, asks for the answer by its digests, and looks at that answer itself.

import { normalise } from "./code.js";
import { fingerprint } from "./fingerprint.js";
import { contradiction } from "./recompute.js";

const $ = (selector, root = document) => root.querySelector(selector);
const form = $("#check");
const place = $("#answer");
const language = document.documentElement.lang;
const say = JSON.parse($("#words").textContent);
const trusted = globalThis.trustedTypes?.createPolicy("jangkar", { createHTML: (html) => html }) ?? {
  createHTML: (html) => html,
};

const tell = (text) => {
  const problem = document.createElement("p");
  problem.className = "problem";
  problem.setAttribute("role", "alert");
  problem.textContent = text;
  place.replaceChildren(problem);
};

const busy = (text) => {
  const line = document.createElement("p");
  line.textContent = text;
  place.replaceChildren(line);
};

// What stands in the answer is the server's word until this browser has come to the same.
const judge = (asked, name) => {
  const answer = $("[data-verdict]", place);
  if (!answer) return;
  const found = contradiction(answer, asked, say.titles, language);
  if (found) {
    tell(`${say.contradiction} (${say.contradictions[found]})`);
    place.firstChild.dataset.contradiction = found;
    return;
  }
  const claims = answer.querySelectorAll("[data-claim]");
  for (const claim of claims) {
    $("[data-receipt]", claim).download = `${name}.jangkar.json`;
    const line = document.createElement("p");
    line.textContent = `✔ ${claim.dataset.root ? say.recomputed : say.unanchored}`;
    line.dataset.recomputed = "";
    $("[data-checks]", claim).after(line);
  }
  const print = document.createElement("button");
  print.type = "button";
  print.textContent = say.print;
  print.addEventListener("click", () => globalThis.print());
  answer.append(print);
  for (const select of answer.querySelectorAll("select")) {
    select.addEventListener("change", () => form.requestSubmit());
  }
};

const receiptText = async () => {
  const [file] = $("#receipt").files;
  if (!file) return "";
  if (file.size > 65536) throw say["receipt-too-large"];
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(await file.arrayBuffer());
  } catch {
    throw say["receipt-not-text"];
  }
};

const check = async (file) => {
  if (!file.size) throw say["no-file"];
  busy(say.hashing);
  const found = await fingerprint(file, (share) => busy(`${say.hashing} ${Math.round(share * 100)} %`));
  const receipt = await receiptText();
  busy(say.asking);
  const answer = await fetch(`/ask?lang=${language}`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({
      digests: [found.digest, ...found.revisions],
      receipt,
      issuer: $("#issuer")?.value ?? "",
    }),
  });
  place.innerHTML = trusted.createHTML(await answer.text());
  judge(found, file.name);
  place.firstElementChild?.focus();
};

form.addEventListener("submit", (event) => {
  event.preventDefault();
  const [file] = $("#file").files;
  const button = $("button", form);
  button.disabled = true;
  check(file)
    .catch((error) => tell(typeof error === "string" ? error : say.unreachable))
    .finally(() => (button.disabled = false));
});

$("#look-up").addEventListener("submit", (event) => {
  if (normalise($("#code").value) === null) {
    event.preventDefault();
    tell(say.mistyped);
  }
});

// A file may be dropped anywhere.
addEventListener("dragover", (event) => event.preventDefault());
addEventListener("drop", (event) => {
  event.preventDefault();
  if (event.dataTransfer.files.length) {
    $("#file").files = event.dataTransfer.files;
    form.requestSubmit();
  }
});

// A page that a QR led to came with its answer.
const [, code] = location.pathname.match(/^\/v\/([^/]+)$/i) ?? [];
if (code) judge({ code: normalise(decodeURIComponent(code)) }, "sertifikat.pdf");

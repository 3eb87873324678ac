// From checks to one verdict. Source: docs/spec/verification.md 3 and 4.

const OTHER_ISSUER = "other-issuer";
const COMPROMISED = "key-compromised";
const UNPROVEN_ISSUER = ["other-profile", "not-accredited", "key-not-active", OTHER_ISSUER, COMPROMISED];
const IN_DOUBT = ["revoked", "suspended"];
const NOT_IN_FORCE = [...IN_DOUBT, "superseded", "expired"];
const IN_FORCE = ["valid", "recorded"];
const REFUSED = ["untrusted", "invalid"];
const BEST_FIRST = [...IN_FORCE, ...NOT_IN_FORCE, "modified", ...REFUSED];

export const isProven = ({ checks: [, inclusion, anchor, issuer] }) =>
  inclusion.outcome === "pass" && anchor.outcome === "pass" && !UNPROVEN_ISSUER.includes(issuer.reason);

// Nothing fails but that the receipt belongs to another file than the one at hand.
export const isOfAnotherFile = ({ checks }) =>
  checks.filter(({ outcome }) => outcome === "fail").map(({ reason }) => reason).join() === "other-file";

export const isAskedFor = ({ checks }) => checks[3].reason !== OTHER_ISSUER;

const ofAnAlteredFile = (proof) => {
  const outcomes = proof.slice(1).map((check) => check.outcome);
  if (outcomes.includes("fail")) return "invalid";
  return outcomes.slice(0, 2).includes("unknown") ? "undetermined" : "modified";
};

// The verdict on one claim: {receipt, facts, checks}.
export const verdictOf = ({ checks }) => {
  const proof = checks.slice(0, 4);
  const status = checks[4];
  if (proof[0].reason === "earlier-revision") return ofAnAlteredFile(proof);
  const outcomes = proof.map((check) => check.outcome);
  const failed = proof.filter((check) => check.outcome === "fail").map((check) => check.reason);
  const isHeld = status.outcome === "fail" && outcomes[1] === "pass" && outcomes[2] === "pass";
  const isWeightless = failed.length === 1 && failed[0] === COMPROMISED;
  if (isHeld && (!failed.length || (isWeightless && IN_DOUBT.includes(status.reason)))) return status.reason;
  if (isWeightless) return "untrusted";
  if (failed.length) return "invalid";
  if ([...outcomes.slice(1), status.outcome].includes("unknown")) return "undetermined";
  return outcomes[0] === "unknown" ? "recorded" : "valid";
};

const issuersOf = (claims) => new Set(claims.map((claim) => claim.receipt.issuerId));
const isIn = (claim, verdicts) => verdicts.includes(verdictOf(claim));

// The issuers with a proven claim in force, and none that is revoked or suspended.
const issuersInForce = (proven) => {
  const inDoubt = issuersOf(proven.filter((claim) => isIn(claim, IN_DOUBT)));
  const found = issuersOf(proven.filter((claim) => isIn(claim, IN_FORCE)));
  return new Set([...found].filter((issuer) => !inDoubt.has(issuer)));
};

// Where a claim comes among others on its file, the best first: one without weight says less than an altered file.
const rank = (claim) =>
  100 * isIn(claim, REFUSED) + 10 * (isIn(claim, IN_DOUBT) && !isProven(claim)) + BEST_FIRST.indexOf(verdictOf(claim));

// One verdict over all claims on a file: {verdict, reason, claims}, the deciding claim first. What an issuer does to its
// own claim decides nothing of another's.
export const combine = (claims, { pending, lookedUp }) => {
  const answer = (verdict, reason, first) => ({
    verdict,
    reason,
    claims: [...first, ...claims.filter((claim) => !first.includes(claim))],
  });
  let asked = claims.filter(isAskedFor);
  if (!asked.length && (lookedUp || pending || !claims.length)) {
    if (pending) return answer("pending", "pending", []);
    if (lookedUp) return answer("not_found", claims.length ? "only-others" : "not-found", []);
    return answer("undetermined", "nothing-to-check", []);
  }
  if (!asked.length) asked = claims;
  const of = (...verdicts) => asked.filter((claim) => isIn(claim, verdicts));
  const proven = of(...IN_FORCE, ...NOT_IN_FORCE).filter(isProven);
  const unknown = of("undetermined");
  const altered = of("modified");
  const inForce = issuersInForce(proven);
  for (const verdict of IN_DOUBT) {
    const hit = proven.filter((claim) => verdictOf(claim) === verdict);
    const others = new Set([...inForce, ...issuersOf(unknown)]);
    for (const issuer of issuersOf(hit)) others.delete(issuer);
    // What another issuer holds, or may hold, stands beside it: then neither decides.
    if (hit.length && !others.size) return answer(verdict, "claim", hit);
  }
  const rivals = [...proven, ...altered];
  if (issuersOf(rivals).size > 1 && inForce.size) {
    const anchoredAt = (claim) => Number(claim.facts.anchor?.blockTime ?? 0);
    const order = (claim) => (isIn(claim, NOT_IN_FORCE) ? 0 : 1);
    rivals.sort((one, other) => order(one) - order(other) || anchoredAt(one) - anchoredAt(other));
    return answer("undetermined", "contested", rivals);
  }
  if (unknown.length) return answer("undetermined", "claim", unknown);
  if (pending && altered.length === asked.length) return answer("pending", "pending", altered);
  const best = Math.min(...asked.map(rank));
  const hit = asked.filter((claim) => rank(claim) === best);
  return answer(verdictOf(hit[0]), "claim", hit);
};

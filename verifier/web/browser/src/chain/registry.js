// What the registry says, read from a node at one pinned block. Source: docs/spec/registry.md, docs/spec/verification.md 1.

import { keccak_256 } from "@noble/hashes/sha3.js";
import { hex, unhex } from "../bytes.js";
import { isObject, read } from "../formats/strictjson.js";

const ANCHOR_OF = "3a9e2f73";
const WINDOW_OF = "4d5c8f2e";
const KEY_OF = "ae894a6f";
const STATUS_OF = "24a816c6";
const REATTESTATION_OF = "4662a842";
const SUCCESSOR = "6ff968c3";

export const PURPOSE_ANCHOR = 1n;
export const STATUSES = ["active", "suspended", "superseded", "revoked"];
export const CUSTODIES = ["unknown", "institute", "operator"];

const TIMEOUT_MILLISECONDS = 10_000;
const MAX_ANSWER_BYTES = 16 << 20;
const UINT64 = 2n ** 64n;
// The last second of the year 9999 in UTC+9: a block's time is a date in every zone of Indonesia.
export const LAST_TIME = 253_402_268_399n;
const NO_ADDRESS = `0x${"00".repeat(20)}`;

// Could not be read; says nothing about the certificate.
export class Unavailable extends Error {}

// The whole text of the answer to a GET, or to a POST of JSON.
export const fetchText = async (url, body) => {
  try {
    const answer = await fetch(url, {
      ...(body === undefined ? {} : { method: "POST", headers: { "Content-Type": "application/json" }, body }),
      redirect: "error",
      credentials: "omit",
      referrerPolicy: "no-referrer",
      signal: AbortSignal.timeout(TIMEOUT_MILLISECONDS),
    });
    if (!answer.ok) throw new Error(`HTTP status ${answer.status}`);
    return await answer.text();
  } catch (error) {
    throw new Unavailable(`${url} did not answer: ${error.message}`);
  }
};

const quantity = (value) => {
  if (typeof value !== "string" || !/^0x(0|[1-9a-f][0-9a-f]{0,63})$/i.test(value))
    throw new Unavailable(`the node sent ${String(value).slice(0, 80)} where a quantity belongs`);
  return BigInt(value);
};

const data = (value, length) => {
  if (typeof value !== "string" || !/^0x(?:[0-9a-f]{2})*$/i.test(value))
    throw new Unavailable(`the node sent ${String(value).slice(0, 80)} where bytes belong`);
  if (length !== undefined && value.length !== 2 + 2 * length)
    throw new Unavailable(`the node sent ${value.length / 2 - 1} bytes where ${length} belong`);
  return value.toLowerCase();
};

// A word is 64 hexadecimal digits.
const below = (word, bound) => {
  const value = BigInt(`0x${word}`);
  if (value >= bound) throw new Unavailable(`the node sent ${value} where a number below ${bound} belongs`);
  return value;
};
const uint64 = (word) => below(word, UINT64);
const dated = (time) => {
  if (time > LAST_TIME) throw new Unavailable(`the node sent the time ${time}, which is no date`);
  return time;
};
const blockTime = (word) => dated(uint64(word));
const address = (word) => {
  below(word, 2n ** 160n);
  return `0x${word.slice(24)}`;
};
const word = (value) => BigInt(value).toString(16).padStart(64, "0");

export class RegistryReader {
  constructor(url, policy) {
    this.url = url;
    this.policy = policy;
  }

  // Pin the newest block, once the node has shown the policy's chain and registry.
  async open() {
    const chainId = quantity(await this.#call("eth_chainId"));
    if (chainId !== BigInt(this.policy.chainId))
      throw new Unavailable(`${this.url} follows chain ${chainId}, the policy names ${this.policy.chainId}`);
    if ((await this.#block("0x0")).hash !== this.policy.genesis)
      throw new Unavailable(`${this.url} follows another chain of the same id: its first block differs`);
    const head = await this.#block("latest");
    await this.#requireCode(head, this.policy.registries[0]);
    return { ...head, final: head.number - BigInt(this.policy.depth) };
  }

  // The block of a height, as this node has it.
  at(number) {
    return this.#block(`0x${number.toString(16)}`);
  }

  // What this node calls itself among its peers; nothing where it does not say.
  async ownName() {
    try {
      const said = await this.#call("admin_nodeInfo");
      return typeof said.id === "string" ? said.id : "";
    } catch (error) {
      if (!(error instanceof Unavailable)) throw error;
      return "";
    }
  }

  // Everything that one receipt is judged by.
  async facts(head, receipt) {
    const pins = this.policy.registries;
    const place = pins.findIndex((pin) => pin.address === receipt.registry);
    if (place < 0) throw new Unavailable(`registry ${receipt.registry} is none of the policy's`);
    const at = pins[place];
    const { issuerId } = receipt;
    await this.#requireCode(head, at);
    const view = (selector, words, count) => this.#view(head, at.address, selector, words, count);
    const keyOf = async (key) => {
      const words = await view(KEY_OF, [issuerId, key.slice(2).padStart(64, "0")], 5);
      return {
        from: uint64(words[0]),
        until: uint64(words[1]),
        compromisedSince: uint64(words[2]),
        purposes: below(words[3], 8n),
        custody: CUSTODIES[below(words[4], 3n)],
      };
    };
    const facts = { head, anchor: null, window: null, key: null, reattestation: null };
    const [root, size, time, number, window, key] = await view(ANCHOR_OF, [issuerId, word(receipt.sequence)], 6);
    if (uint64(size)) {
      facts.anchor = {
        root,
        size: uint64(size),
        blockTime: blockTime(time),
        blockNumber: uint64(number),
        window: uint64(window),
        key: address(key),
      };
      const words = await view(WINDOW_OF, [issuerId, word(facts.anchor.window)], 4);
      facts.window = { from: uint64(words[0]), until: uint64(words[1]), scope: BigInt(`0x${words[2]}`), profileDigest: words[3] };
      facts.key = await keyOf(facts.anchor.key);
      const again = await view(REATTESTATION_OF, [issuerId, word(receipt.sequence)], 2);
      if (uint64(again[1])) facts.reattestation = { blockTime: blockTime(again[1]), key: await keyOf(address(again[0])) };
    }
    const statuses = [];
    facts.unlistedSuccessor = null;
    for (let next = place; ; ) {
      statuses.push(await this.#statusOf(head, pins[next].address, issuerId, hex(receipt.leafHash)));
      const successor = address((await this.#view(head, pins[next].address, SUCCESSOR, [], 1))[0]);
      if (successor === NO_ADDRESS) break;
      next += 1;
      if (pins[next]?.address !== successor) {
        facts.unlistedSuccessor = successor;
        break;
      }
      await this.#requireCode(head, pins[next]);
    }
    facts.status = standing(statuses);
    return facts;
  }

  async #call(method, ...params) {
    const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method, params });
    const text = await fetchText(this.url, body);
    let message;
    try {
      message = read(text, `answer of ${this.url}`, MAX_ANSWER_BYTES);
    } catch (error) {
      throw new Unavailable(error.message);
    }
    if (!isObject(message) || message.id !== 1)
      throw new Unavailable(`${this.url} did not answer the question that was asked`);
    if (Object.hasOwn(message, "error"))
      throw new Unavailable(`${this.url} refused ${method}: ${String(message.error?.message ?? message.error).slice(0, 200)}`);
    if (message.result === undefined || message.result === null)
      throw new Unavailable(`${this.url} has nothing for ${method}`);
    return message.result;
  }

  async #block(tag) {
    const block = await this.#call("eth_getBlockByNumber", tag, false);
    if (!isObject(block)) throw new Unavailable(`${this.url} sent no block`);
    return { number: quantity(block.number), hash: data(block.hash, 32), time: dated(quantity(block.timestamp)) };
  }

  async #requireCode(head, pin) {
    const code = data(await this.#call("eth_getCode", pin.address, { blockHash: head.hash }));
    if (`0x${hex(keccak_256(unhex(code.slice(2))))}` !== pin.codeHash)
      throw new Unavailable(`${this.url} does not show the policy's registry code at ${pin.address}`);
  }

  async #view(head, registry, selector, words, answerWords) {
    const call = { to: registry, data: `0x${selector}${words.join("")}` };
    const answer = data(await this.#call("eth_call", call, { blockHash: head.hash }), answerWords * 32);
    return Array.from({ length: answerWords }, (_, index) => answer.slice(2 + 64 * index, 66 + 64 * index));
  }

  async #statusOf(head, registry, issuerId, leafHash) {
    const words = await this.#view(head, registry, STATUS_OF, [issuerId, leafHash], 7);
    return {
      status: STATUSES[below(words[0], 4n)],
      fromBeginning: below(words[1], 2n) === 1n,
      byRegulator: below(words[2], 2n) === 1n,
      reason: Number(below(words[3], 256n)),
      blockTime: blockTime(words[4]),
    };
  }
}

// What stands over a registry and those that succeed it, oldest first. Source: docs/spec/verification.md 6.
export const standing = (statuses) => {
  const found = statuses.filter((record) => record.blockTime);
  const written = found.length ? found : statuses.slice(0, 1);
  const newest = written.at(-1);
  const first = (status) => written.find((record) => record.status === status);
  if (first("revoked")) return first("revoked");
  if (newest.status === "suspended") return newest;
  return first("superseded") ?? newest;
};

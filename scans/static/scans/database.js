// Opens the browser's database and runs transactions in it.

export const OUTBOX = "outbox"; // what waits for the server
export const ATTENTION = "attention"; // what waits for a person
export const BOOK = "book"; // which scans were kept here, for two days
export const FACTS = "facts"; // this browser's id and count, and whose turn it is to send

const NAME = "quality";
// A later version may add to this, but change nothing: an older page in another tab goes on with it.
const VERSION = 2;

/** Resolves with what a request found. */
export function found(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

function upgrade(database, transaction, from) {
  if (from < 1) database.createObjectStore(OUTBOX, { keyPath: "seq", autoIncrement: true });
  if (from >= 2) return;
  const outbox = transaction.objectStore(OUTBOX);
  outbox.createIndex("id", "record.id");
  const attention = database.createObjectStore(ATTENTION, { keyPath: "seq" });
  database.createObjectStore(BOOK, { keyPath: ["at", "id"] }).createIndex("id", "id");
  database.createObjectStore(FACTS, { keyPath: "name" });
  outbox.openCursor().onsuccess = ({ target: { result: cursor } }) => {
    if (!cursor) return;
    if (cursor.value.problem) {
      attention.put({ kind: "scan", ...cursor.value });
      cursor.delete();
    }
    cursor.continue();
  };
}

function openAt(version) {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(NAME, version);
    request.onupgradeneeded = ({ oldVersion }) =>
      upgrade(request.result, request.transaction, oldVersion);
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
    request.onblocked = () => reject(new Error("the database is in use by an older page"));
  });
}

export class Database {
  #opening = null;

  async #open() {
    this.#opening ??= this.#connect();
    try {
      return await this.#opening;
    } catch (error) {
      this.#opening = null; // The next scan tries again.
      throw error;
    }
  }

  async #connect() {
    const database = await openAt(VERSION).catch((error) => {
      // A newer page was here. What we need it has left as it was.
      if (error.name === "VersionError") return openAt(undefined);
      throw error;
    });
    database.onclose = () => (this.#opening = null);
    // Else this tab would hold up a newer page in another tab.
    database.onversionchange = () => {
      database.close();
      this.#opening = null;
    };
    return database;
  }

  /**
   * Runs `work(store)` in one transaction, where `store(name)` is an object store; resolves with
   * what it answers when all of it is on the disk. It may await its requests, nothing else.
   */
  async change(names, work, { durability = "strict" } = {}) {
    const database = await this.#open();
    const transaction = database.transaction(names, "readwrite", { durability });
    const committed = new Promise((resolve, reject) => {
      transaction.oncomplete = resolve;
      transaction.onabort = () => reject(transaction.error ?? new Error("given up"));
    });
    const working = Promise.resolve(transaction)
      .then(() => work((name) => transaction.objectStore(name)))
      .catch((error) => {
        try {
          transaction.abort();
        } catch {
          // It was aborted by what went wrong.
        }
        throw error;
      });
    const [result] = await Promise.all([working, committed]);
    return result;
  }

  /** Runs `work(store)` on what is there at one moment. */
  async read(names, work) {
    const database = await this.#open();
    const transaction = database.transaction(names);
    return work((name) => transaction.objectStore(name));
  }
}

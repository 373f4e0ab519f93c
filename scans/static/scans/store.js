// Keeps records in the browser's database until the server has them.
//
// An entry is `{seq, record, codes, problem}`; one with a problem waits for a person. Every answer
// comes from the database, never from a copy in memory: two tabs share it.

const DATABASE = "quality";
const VERSION = 1;
const ENTRIES = "outbox";

function done(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

export class Store {
  #opening = null;

  async #open() {
    this.#opening ??= new Promise((resolve, reject) => {
      const request = indexedDB.open(DATABASE, VERSION);
      request.onupgradeneeded = () => {
        request.result.createObjectStore(ENTRIES, { keyPath: "seq", autoIncrement: true });
      };
      request.onsuccess = () => {
        const database = request.result;
        // Else this tab would hold up a newer page in another tab, or go on with a dead handle.
        database.onversionchange = () => database.close();
        database.onclose = () => (this.#opening = null);
        resolve(database);
      };
      request.onerror = () => reject(request.error);
      request.onblocked = () => reject(new Error("the database is in use by an older page"));
    });
    try {
      return await this.#opening;
    } catch (error) {
      this.#opening = null; // The next scan tries again.
      throw error;
    }
  }

  /** Runs `work(entries)` in one transaction; resolves when it is committed. */
  async #change(work) {
    const database = await this.#open();
    // Strict: "committed" means that it is on the disk, not on its way there.
    const transaction = database.transaction(ENTRIES, "readwrite", { durability: "strict" });
    return new Promise((resolve, reject) => {
      const request = work(transaction.objectStore(ENTRIES));
      transaction.oncomplete = () => resolve(request.result);
      transaction.onabort = () => reject(transaction.error);
      transaction.onerror = () => reject(transaction.error);
    });
  }

  async #read(work) {
    const database = await this.#open();
    return done(work(database.transaction(ENTRIES).objectStore(ENTRIES)));
  }

  /** Keeps a new entry; resolves with it when it is safe on the disk. */
  async add(entry) {
    const seq = await this.#change((entries) => entries.add(entry));
    return { ...entry, seq };
  }

  replace(entry) {
    return this.#change((entries) => entries.put(entry));
  }

  remove(seq) {
    return this.#change((entries) => entries.delete(seq));
  }

  /** All entries, the oldest first. */
  all() {
    return this.#read((entries) => entries.getAll());
  }
}

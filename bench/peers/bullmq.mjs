// The peer of `longrun-bench lifecycle`: as many clients, each with one job at a time that it
// waits for, and one worker that answers at once. Redis is told to sync every write.
// Usage: node bullmq.mjs PORT CLIENTS OPERATIONS
import { Queue, QueueEvents, Worker } from "bullmq";

const [port, clients, operations] = process.argv.slice(2).map(Number);
const connection = { host: "127.0.0.1", port, maxRetriesPerRequest: null };
const queue = new Queue("bench", { connection });
const events = new QueueEvents("bench", { connection });
// A client for each who waits is more listeners than Node expects.
events.setMaxListeners(0);
queue.setMaxListeners(0);
const worker = new Worker("bench", async (job) => job.data, { connection, concurrency: clients });
await Promise.all([queue.waitUntilReady(), events.waitUntilReady(), worker.waitUntilReady()]);

async function run(count) {
  const times = [];
  let left = count;
  const client = async () => {
    while (left-- > 0) {
      const start = performance.now();
      const job = await queue.add("run", "a request of about the size that they have");
      await job.waitUntilFinished(events);
      times.push(performance.now() - start);
    }
  };
  await Promise.all(Array.from({ length: clients }, client));
  return times.sort((a, b) => a - b);
}

await run(operations / 10);
const start = performance.now();
const times = await run(operations);
const seconds = (performance.now() - start) / 1000;
const percentile = (percent) =>
  Math.round(times[Math.ceil((times.length * percent) / 100) - 1] * 1000);
console.log(
  `bullmq lifecycle: ${Math.round(operations / seconds)} operations/s;`,
  `create to observed p50 ${percentile(50)} us, p99 ${percentile(99)} us (of ${times.length})`,
);
await Promise.all([worker.close(), events.close(), queue.close()]);

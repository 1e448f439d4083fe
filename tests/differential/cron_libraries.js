// What two public libraries say of expressions: croner the times, cronstrue the sentence.
// Questions and answers are JSON, a line each, in the same order.
//
//     {"expression", "sentenceOf", "zone", "afterMs", "count", "bothDays"}
//     -> {"ticks": [ms, …], "sentence"}, or "ticksError", "sentenceError" instead
import { createInterface } from "node:readline";
import { Cron } from "croner";
import cronstrue from "cronstrue";

function attempt(name, make) {
  try {
    return { [name]: make() };
  } catch (error) {
    return { [name + "Error"]: String(error.message ?? error) };
  }
}

function ticks({ expression, zone, afterMs, count, bothDays }) {
  const cron = new Cron(expression, { timezone: zone, domAndDow: bothDays, mode: "5-part" });
  return cron.nextRuns(count, new Date(afterMs)).map((date) => date.getTime());
}

for await (const line of createInterface({ input: process.stdin })) {
  const question = JSON.parse(line);
  const answer = {
    ...attempt("ticks", () => ticks(question)),
    ...attempt("sentence", () => cronstrue.toString(question.sentenceOf)),
  };
  console.log(JSON.stringify(answer));
}

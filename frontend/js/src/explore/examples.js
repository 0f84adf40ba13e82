// The shipped examples. The documentation and the tests read the same files.
import whoAmI from "../../../../graphql-schema/examples/01_who_am_i.graphql";
import listBots from "../../../../graphql-schema/examples/02_list_bots.graphql";
import checkProgram from "../../../../graphql-schema/examples/03_check_a_program.graphql";
import createBot from "../../../../graphql-schema/examples/04_create_a_bot.graphql";
import estimate from "../../../../graphql-schema/examples/05_estimate.graphql";
import startBot from "../../../../graphql-schema/examples/06_start_a_bot.graphql";
import follow from "../../../../graphql-schema/examples/07_follow_an_execution.graphql";
import readExecution from "../../../../graphql-schema/examples/08_read_an_execution.graphql";
import failed from "../../../../graphql-schema/examples/09_what_failed.graphql";
import control from "../../../../graphql-schema/examples/10_stop_an_execution.graphql";
import waiting from "../../../../graphql-schema/examples/11_what_waits_for_me.graphql";
import costs from "../../../../graphql-schema/examples/12_costs.graphql";
import beginChat from "../../../../graphql-schema/examples/13_begin_a_conversation.graphql";
import saySomething from "../../../../graphql-schema/examples/14_say_something.graphql";
import hear from "../../../../graphql-schema/examples/15_hear_the_answer.graphql";

/** `# title`, `# text`, perhaps `# variables {…}`, then the operation. */
function read(text) {
  const lines = text.trim().split("\n");
  const head = lines.filter((line) => line.startsWith("# ")).map((line) => line.slice(2));
  const variables = head.find((line) => line.startsWith("variables "))?.slice("variables ".length);
  return { title: head[0], note: head[1], variables: variables ? JSON.parse(variables) : null,
    query: lines.filter((line) => !line.startsWith("#")).join("\n") };
}

export const EXAMPLES = [whoAmI, listBots, checkProgram, createBot, estimate, startBot, follow, readExecution,
  failed, control, waiting, costs, beginChat, saySomething, hear].map(read);

/** Puts the ids of this workspace where an example says BOT, EXECUTION and SESSION. */
export function filled(variables, ids) {
  if (!variables) return "";
  const known = Object.entries(ids).filter(([, id]) => id);
  const text = JSON.stringify(variables, null, 2);
  return known.reduce((done, [word, id]) => done.replaceAll(`"${word}"`, JSON.stringify(id)), text);
}

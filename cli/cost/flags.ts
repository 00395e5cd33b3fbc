/** The flags and help of `slipway cost`. */
import { createCommand, type OptionsOf, OUTPUT, option } from "../shared/command.ts";
import { UsageError } from "../shared/errors.ts";
import { cwdFlag, stackFlag } from "../shared/flags.ts";

export const declareFlags = () =>
  createCommand("cost", {
    usage: ["--stack <name> [flags]"],
    examples: [
      ["Print the cost of stack prod", "slipway cost --stack prod"],
      ["Compare with a larger database", "slipway cost --stack prod --size shop-postgres=db-s-4vcpu-8gb"],
      ["Compare with a larger service", 'slipway cost --stack prod --size "shop-shop api=apps-d-1vcpu-1gb"'],
    ],
    details: [
      "Prices are list prices in US dollars, without taxes, traffic and discounts. The report names their source and date. A resource without a public price is listed as unpriced.",
    ],
    exitCodes: { 0: "printed", 1: "the program failed", 2: "bad input" },
  })
    .addOption(stackFlag())
    .addOption(option("--size <resource=size>", "Also print the cost if this resource had that size; repeatable").argParser(parseSize))
    .optionsGroup(OUTPUT)
    .option("--json", "Print the cost as JSON")
    .addOption(cwdFlag());

export type CostOptions = OptionsOf<typeof declareFlags>;

function parseSize(text: string, previous: Readonly<Record<string, string>> | undefined): Readonly<Record<string, string>> {
  const equals = text.indexOf("=");
  if (equals < 1 || equals === text.length - 1)
    throw new UsageError(`--size takes resource=size, not "${text}": --size shop-postgres=db-s-4vcpu-8gb`);
  return { ...previous, [text.slice(0, equals)]: text.slice(equals + 1) };
}

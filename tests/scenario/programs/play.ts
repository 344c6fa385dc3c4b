export type Player = {
  readonly connect?: () => Promise<unknown>;
  readonly list: () => Promise<readonly unknown[]>;
  readonly call: (name: string, args: Record<string, unknown>) => Promise<unknown>;
  readonly close?: () => Promise<unknown>;
};

/** Play the scenario: list, call, call again. Print each step, and stop at the first that is refused. */
export async function play(player: Player): Promise<void> {
  const call = async () => (await player.call("echo", { text: "hello" })) as { readonly result: string };
  try {
    await player.connect?.();
    say({ answered: `${(await player.list()).length} tools` });
    say({ answered: (await call()).result });
    say({ answered: (await call()).result });
  } catch (error) {
    const { constructor, message } = error as Error;
    say({ refused: `${constructor.name}: ${message}` });
  } finally {
    await player.close?.();
  }
}

function say(step: { readonly answered: string } | { readonly refused: string }): void {
  console.log(JSON.stringify(step));
}

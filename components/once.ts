/** Things by name, each made when it is first asked for: a program asks for one URL in several places, and a plan feels every Output. */
export class Once<Thing> {
  readonly #made = new Map<string, Thing>();

  get(name: string, make: () => Thing): Thing {
    const thing = this.#made.get(name) ?? make();
    this.#made.set(name, thing);
    return thing;
  }
}

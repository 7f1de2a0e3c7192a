/** `make bench B=bgp-engine`: see bgp/engine.ts. */
import { main } from "./bgp/engine.ts";

main();

// Ctrl-C: work that asks (Progress::cancelled) ends in order; what does not is ended after a second all the same.
#pragma once

namespace slipway::app {

// From now on the first SIGINT only sets a flag. If nobody has seen it a second later, or at a second SIGINT, the
// process ends as if this had not been called. Call once, from the main thread.
void catch_interrupts();

// Whether SIGINT came; an answer of true counts as seen. Any thread.
bool interrupted();

}  // namespace slipway::app

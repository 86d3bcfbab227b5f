// Ctrl-C: work that asks (Progress::cancelled) ends in order; whatever is not over a second later is ended all the
// same.
#pragma once

namespace slipway::app {

// From now on the first SIGINT only sets a flag. A second later, or at a second SIGINT, the process ends as if this had
// not been called, wherever it is: files are written whole, so that nothing half-made is left under a name that counts.
// Call once, from the main thread.
void catch_interrupts();

// Whether SIGINT came. Any thread.
bool interrupted();

}  // namespace slipway::app

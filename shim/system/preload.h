// Our own entry in LD_PRELOAD.
#pragma once

namespace preload {

// Takes it out of the environment, in place, so that what the program executes is without us: all entries whose file
// has our name, since the library of another class has it, too. A variable that held nothing else is gone. At the start
// alone: later a thread may be reading what is changed.
void strip();

}  // namespace preload

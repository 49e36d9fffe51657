// The kernel's own code for what needs no system call: the time.
#pragma once

namespace vdso {

// To be called once, at the start: kernel::clock() asks there from then on, where there is any.
void find();

}  // namespace vdso

// The memory of the log, some 500 KiB: in a process without a log it is not there. No heap, since a malloc library may
// write and so come back to us.
#pragma once

namespace log_memory {

// Maps it, once, at the start; false if there is none to be had. Children of fork find it empty (MADV_WIPEONFORK): the
// threads that were at it are not there, and what the parent has counted the parent logs.
bool open();

}  // namespace log_memory

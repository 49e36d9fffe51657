// What is written at the start of each process with a log stands on the page that each writes anyway: a page more is
// a fault, and in a short process seen.
#pragma once

#define AT_START [[gnu::section(".data")]]

// Catch2, version 2 or 3, whichever is installed.
#pragma once

#if __has_include(<catch2/catch_test_macros.hpp>)
#include <catch2/catch_message.hpp>
#include <catch2/catch_test_macros.hpp>
#else
#include <catch2/catch.hpp>
#endif

#include <cstdio>

// Leaves the test undone; tests/run counts it as skipped and shows the reason.
#define SKIP_TEST(reason)                 \
  do {                                    \
    std::printf("SKIPPED: %s\n", reason); \
    return;                               \
  } while (false)

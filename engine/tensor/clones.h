// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

/// Before a function that is one plain loop: it is compiled for newer machines too (AVX2, AVX-512), and the loader
/// takes the version that fits the one at hand. All give the same bits: vectors are wider, nothing is contracted or
/// reordered.
///
/// By GCC with glibc; clang (19) clones no templates, and other machines need no versions.
#if defined(__x86_64__) && defined(__GLIBC__) && !defined(__clang__) && __GNUC__ >= 12
#define RULEC_CLONES __attribute__((target_clones("default", "avx2", "arch=x86-64-v4")))
#else
#define RULEC_CLONES
#endif

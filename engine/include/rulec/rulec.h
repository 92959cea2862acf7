// SPDX-License-Identifier: Apache-2.0
// Everything that an embedder needs. See README.md, "Embed it".
#pragma once

#include <rulec/check.h>
#include <rulec/convert.h>
#include <rulec/diagnostics.h>
#include <rulec/diff.h>
#include <rulec/messages.h>
#include <rulec/pack.h>
#include <rulec/result.h>
#include <rulec/source.h>
#include <rulec/store.h>
#include <rulec/tensor.h>
#include <rulec/verify.h>
